"""Eight clients at once, for HYBRID_MTL_LOAD_SECONDS: of the pipeline, then of the page."""

import gc
import json
import os
import random
import resource
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

from transformers import pipeline

from tests.app.test_page import event, form, get, served
from tests.modeling.toy_models import TASKS, toy_model, toy_tokenizer, with_adapters
from trainer.app.corpus import MAX_SIZE
from trainer.app.feedback import Feedback
from trainer.app.model_session import MAX_CHARACTERS, ModelSession
from trainer.app.page import build_page
from trainer.app.serve import MAX_WAITING

CLIENTS = 8
SECONDS = float(os.environ.get("HYBRID_MTL_LOAD_SECONDS", "30"))
GROWTH = 64 << 20
ADAPTERS = ("mood", "tags", "same", "near", "follows", "shared")
TEXTS = [
    "a good film",
    "the dull, dull film " * 9,
    "anna is in paris",
    "👩‍👩‍👧 שלום",
    "\x00 a\u202eb",
]
PAIRS = [{"text": a, "text_pair": b} for a, b in zip(TEXTS, TEXTS[1:] + TEXTS[:1], strict=True)]
BAD = [("", {}), (5, {}), ({"text": "a", "text_pair": ""}, {}), ("a film", {"task": "none"})]
BAD += [
    ("a film", {"task": "near"}),
    ("a film", {"top_k": 0}),
    ({"texts": "a"}, {}),
    ("\ud83d", {}),
]


@pytest.fixture(scope="module")
def pipe():
    model = with_adapters(toy_model(), *ADAPTERS)
    return pipeline("hybrid-mtl", model=model, tokenizer=toy_tokenizer(), device="cpu")


def resident() -> int:
    """Return the memory of this process, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def rounded(prediction):
    """Round the numbers of a prediction: sums in another order differ in their last digits."""
    return json.loads(json.dumps(prediction), parse_float=lambda number: round(float(number), 4))


def run_clients(client, seconds: float) -> tuple[Counter, int]:
    """Run all clients; return the counts of their results and the growth of memory."""
    counts: Counter = Counter()

    def ask(number: int, until: float) -> Counter:
        draw, mine = random.Random(number), Counter()
        while time.monotonic() < until:
            mine[client(draw)] += 1
        return mine

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda n: ask(n, time.monotonic() + seconds / 5), range(CLIENTS)))
        before = resident()
        until = time.monotonic() + seconds
        for found in pool.map(lambda n: ask(100 + n, until), range(CLIENTS)):
            counts += found
    return counts, resident() - before


@pytest.mark.slow
def test_the_pipeline_mixes_no_answers_of_eight_callers(pipe):
    good = [(text, {}) for text in (*TEXTS, *PAIRS, TEXTS)]
    good += [
        (row, {"task": name, **options})
        for name, entry in TASKS.items()
        for row in (PAIRS if entry.get("input") == "pair" else TEXTS)
        for options in ({}, {"top_k": None})
    ]
    good += [(PAIRS * 3, {"task": "near", "batch_size": 4})]
    single = [rounded(pipe(row, **options)) for row, options in good]

    def client(draw: random.Random) -> str:
        if draw.random() < 0.25:
            row, options = draw.choice(BAD)
            with pytest.raises(ValueError):
                pipe(row, **options)
            return "refused"
        i = draw.randrange(len(good))
        row, options = good[i]
        assert rounded(pipe(row, **options)) == single[i]
        return "answered"

    counts, growth = run_clients(client, SECONDS / 2)
    print(f"pipeline: {dict(counts)}, memory grew by {growth / 2**20:.1f} MiB")
    assert counts["answered"] > 100 and counts["refused"] > 20
    assert growth < GROWTH


@contextmanager
def pipe_that_waits(pipe):
    """Block the pipeline's model until the block ends."""
    released = Event()
    hook = pipe.model.backbone.register_forward_pre_hook(lambda *_: (released.wait(60), None)[1])
    try:
        yield released.set
    finally:
        released.set()
        hook.remove()


class Client:
    """Calls a page as a browser does: joins the queue, then waits for the result."""

    def __init__(self, address: str):
        self.api = f"{address}gradio_api/"

    def join(self, function: int, data: list, session: str):
        call = {"data": data, "fn_index": function, "session_hash": session}
        return get(f"{self.api}queue/join", json.dumps(call).encode())

    def answer(self, session: str) -> dict:
        """Return the result of the only call of a session."""
        _, content = get(f"{self.api}queue/data?session_hash={session}")
        events = [
            json.loads(line[6:]) for line in content.splitlines() if line.startswith("data: ")
        ]
        (done,) = [e for e in events if e["msg"] == "process_completed"]
        return done

    def ask(self, function: int, *data) -> dict:
        session = uuid.uuid4().hex
        status, content = self.join(function, list(data), session)
        assert status == 200, content
        return self.answer(session)


@pytest.mark.slow
def test_the_page_answers_eight_clients_as_it_answers_one(pipe, tmp_path):
    feedback = Feedback(tmp_path / "feedback", "toy", "abc")
    page = build_page(ModelSession(pipe, "toy", "abc"), feedback, 20)
    one, two, many, wrong = (
        event(page, name, "click")._id
        for name in ("predict-single", "predict-pair", "search", "send-mood")
    )
    short = [text for text in TEXTS if len(text) < 50]
    good = [(one, text) for text in short]
    good += [(two, a, b) for a, b in zip(short, short[1:], strict=False)]
    good += [(many, "\n".join(short[:n]), None, None, 0) for n in (2, 3)]
    bad = [(one, ""), (one, "a " * MAX_CHARACTERS), (two, "a", " "), (wrong, None, "good")]
    bad += [
        (one, "the film " * 50),
        (many, "one", None, None, 0.5),
        (many, "a\n" * 99, None, None, 0),
    ]
    # A path in the place of an upload, which the server's own log tells of.
    bad += [(many, "", {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, "root", 0)]
    with served(page, feedback) as address:
        client = Client(address)
        single = [shown(client.ask(*call)) for call in good]

        def ask(draw: random.Random) -> str:
            kind = draw.random()
            if kind < 0.3:
                done = client.ask(*draw.choice(bad))
                assert done["success"] is False and "Traceback" not in json.dumps(done)
                return "refused"
            if kind < 0.35:
                body = draw.choice([b"{", b"[]", b'{"fn_index": 99999, "data": []}', b"\xff" * 99])
                assert 400 <= get(f"{client.api}queue/join", body)[0] < 600
                return "refused"
            if kind < 0.37:
                assert get(f"{client.api}upload", *form(b"x" * (MAX_SIZE + 1)))[0] == 413
                return "refused"
            i = draw.randrange(len(good))
            assert shown(client.ask(*good[i])) == single[i]
            return "answered"

        counts, growth = run_clients(ask, SECONDS / 2)
        print(f"page: {dict(counts)}, memory grew by {growth / 2**20:.1f} MiB")
        assert counts["answered"] > 20 and counts["refused"] > 10
        assert growth < GROWTH
    assert not feedback.folder.exists()


def shown(done: dict):
    """Return the values that a call put on the page."""
    assert done["success"], done
    return rounded(done["output"]["data"])


@pytest.mark.slow
def test_a_queue_that_is_full_refuses_and_then_goes_on(pipe):
    page = build_page(ModelSession(pipe, "toy", "abc"), None, 20)
    function = event(page, "predict-single", "click")._id
    with served(page) as address:
        client = Client(address)
        expected = shown(client.ask(function, "a good film"))
        sessions = [uuid.uuid4().hex for _ in range(4 * MAX_WAITING)]
        with pipe_that_waits(pipe) as go_on:
            joined = [client.join(function, ["a good film"], session) for session in sessions]
            taken = [s for s, (status, _) in zip(sessions, joined, strict=True) if status == 200]
            refused = [content for status, content in joined if status != 200]
            assert MAX_WAITING <= len(taken) <= MAX_WAITING + CLIENTS
            assert all("queue is full" in content.lower() for content in refused)
            go_on()
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(client.answer, taken))
        assert [shown(answer) for answer in answers] == [expected] * len(taken)
        assert shown(client.ask(function, "a good film")) == expected
