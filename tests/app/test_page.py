"""The page has what the model's tasks ask for, and its server gives nothing else away."""

import csv
import http.client
import json
import socket
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

import gradio as gr

from tests.modeling.toy_models import SINGLE, TASKS
from trainer.app.corpus import MAX_SIZE
from trainer.app.feedback import Feedback
from trainer.app.page import build_page
from trainer.app.request_limits import MAX_BODY
from trainer.app.serve import MAX_SESSIONS, MAX_WAITING, launch

ASK = ("ask-single", "click")
CORPUS = "the film was good\nthe film was very good\nanna is in paris\n\nthe film was good\n"


@pytest.fixture
def feedback(tmp_path):
    return Feedback(tmp_path / "feedback", "my-model", "abc")


def ids(page: gr.Blocks) -> set[str]:
    return {block.elem_id for block in page.blocks.values() if getattr(block, "elem_id", None)}


def tabs(page: gr.Blocks) -> list[str]:
    return [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)]


def event(page: gr.Blocks, elem_id: str, name: str):
    """What happens when something is done to an element."""
    (block,) = [b for b in page.blocks.values() if getattr(b, "elem_id", None) == elem_id]
    (found,) = [f for f in page.fns.values() if (block._id, name) in f.targets]
    return found


def test_the_page_is_made_of_the_models_own_tasks(make_asker, feedback):
    page = build_page(make_asker(), feedback, 10)
    assert tabs(page) == ["One text", "Two texts", "Many texts"]
    for name in TASKS:
        assert {f"answer-{name}", f"wrong-{name}", f"send-{name}"} <= ids(page)
    one = {"topic": {"kind": "classification", "labels": ["a", "b"]}}
    page = build_page(make_asker(one), None, 10)
    assert tabs(page) == ["One text", "Many texts"]
    assert "answer-topic" in ids(page) and "wrong-topic" not in ids(page)
    assert tabs(build_page(make_asker({"near": TASKS["near"]}), None, 10))[0] == "Two texts"
    assert tabs(build_page(make_asker({}), None, 10)) == ["Many texts"]


def test_what_is_answered_is_corrected_and_kept(make_asker, feedback):
    session = make_asker()
    page = build_page(session, feedback, 10)
    asked, *values = event(page, *ASK).fn("the film was good")
    shown = dict(zip(SINGLE, values[::3], strict=True))
    answers = session.predict("the film was good")
    assert shown["mood"] == {entry["label"]: entry["score"] for entry in answers["mood"]}
    wrong = answers["mood"][-1]["label"]
    status, given = event(page, "send-mood", "click").fn(asked, wrong)
    assert "kept" in status and given is None
    (path,) = feedback.folder.rglob("*.jsonl")
    row = json.loads(path.read_text())
    assert (row["task"], row["text"], row["label"]) == ("mood", "the film was good", wrong)


def test_a_correction_of_a_pair_holds_both_texts(make_asker, feedback):
    page = build_page(make_asker(), feedback, 10)
    asked, *_ = event(page, "ask-pair", "click").fn("a film", "the film")
    event(page, "send-near", "click").fn(asked, 2)
    row = json.loads((feedback.folder / "near" / "train.jsonl").read_text())
    assert list(row)[:3] == ["text", "text_pair", "label"]
    assert (row["text"], row["text_pair"], row["label"]) == ("a film", "the film", 2.0)


def test_a_correction_needs_an_answer(make_asker, feedback):
    page = build_page(make_asker(), feedback, 10)
    with pytest.raises(gr.Error, match="Ask the model first"):
        event(page, "send-mood", "click").fn(None, "good")
    assert not feedback.folder.exists()


def test_an_error_quotes_no_html(make_asker, tmp_path):
    page = build_page(make_asker(), None, 10)
    (tmp_path / "rows.csv").write_text("<img src=x>,b\n1,2\n3,4\n")
    with pytest.raises(gr.Error) as caught:
        event(page, "search", "click").fn("", str(tmp_path / "rows.csv"), "c", 0.5)
    assert "&lt;img src=x&gt;" in caught.value.message and "<img" not in caught.value.message


def test_the_pairs_of_a_corpus_are_found_filtered_and_downloadable(make_asker):
    page = build_page(make_asker(), None, 10)
    search = event(page, "search", "click")
    assert search.tracks_progress
    mined, status, rows, download = search.fn(CORPUS, None, None, -1)
    assert status == "**3 pairs** among 3 different texts, 1 repeated left out"
    cosines = [row[0] for row in rows]
    assert cosines == sorted(cosines, reverse=True)
    with Path(download.value["path"]).open(encoding="utf-8-sig", newline="") as lines:
        header, *saved = csv.reader(lines)
    assert header == ["cosine", "first text", "second text"]
    assert [[float(row[0]), *row[1:]] for row in saved] == rows
    slide = event(page, "threshold", "change").fn
    status, fewer, download = slide(mined, cosines[0])
    assert status.startswith("**1 pair** among") and fewer == rows[:1]
    assert slide(mined, 1.01)[1] == [] and slide(None, 0.5)[1] == []


def test_texts_that_are_read_in_part_are_counted(make_asker):
    search = event(build_page(make_asker(), None, 10), "search", "click").fn
    _, status, *_ = search("the film was good\n" + "the film was good " * 20, None, None, 0)
    assert status.endswith("2 different texts; 1 with more than 24 tokens, read in part")


def test_the_column_of_an_upload_is_proposed(make_asker, tmp_path):
    page = build_page(make_asker(), None, 10)
    upload = event(page, "upload", "upload").fn
    (tmp_path / "rows.csv").write_text("id,Text\n1,one\n2,two\n")
    column = upload(str(tmp_path / "rows.csv"))
    assert (column.value, column.visible) == ("Text", True)
    assert upload(None).visible is False


def test_the_model_answers_one_event_at_a_time(make_asker):
    page = build_page(make_asker(), None, 10)
    events = [event(page, *ASK), event(page, "ask-pair", "click"), event(page, "search", "click")]
    assert {(e.concurrency_id, e.concurrency_limit) for e in events} == {("model", 1)}


@contextmanager
def served(page, feedback=None):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = launch(page, feedback, "127.0.0.1", port)
    try:
        yield address
    finally:
        page.close(verbose=False)


def get(address: str, body: bytes | None = None, kind: str = "application/json"):
    """The status and the content of an answer."""
    request = urllib.request.Request(address, body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def posted(address: str, path: str, **headers: str) -> int:
    """The status of the answer to the beginning of a request, before any of its body."""
    place = urlsplit(address)
    line = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    line.putrequest("POST", path)
    for name, value in headers.items():
        line.putheader(name, value)
    line.endheaders()
    return line.getresponse().status


def form(content: bytes) -> tuple[bytes, str]:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\n'
    return head + content + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def test_the_server_gives_no_files_away(make_asker, feedback, tmp_path):
    feedback.add("mood", {"text": "a secret", "label": "good", "answer": "bad"})
    other = tmp_path / "other.csv"
    other.write_text("secret_column,text\n1,one\n2,two\n")
    page = build_page(make_asker(), feedback, 10)
    with served(page, feedback) as address:
        for path in (feedback.folder / "mood/train.jsonl", other, Path(__file__), "/etc/passwd"):
            assert get(f"{address}gradio_api/file={path}")[0] == 403
        call = {
            "data": [{"path": str(other), "meta": {"_type": "gradio.FileData"}}],
            "fn_index": event(page, "upload", "upload")._id,
            "session_hash": "s",
        }
        assert get(f"{address}gradio_api/queue/join", json.dumps(call).encode())[0] == 200
        _, said = get(f"{address}gradio_api/queue/data?session_hash=s")
        assert '"success":false' in said.replace(" ", "") and "secret_column" not in said
        assert get(f"{address}monitoring")[0] in (403, 404)


def test_the_server_takes_no_large_uploads_and_records_nothing(make_asker):
    page = build_page(make_asker(), None, 10)
    with served(page) as address:
        assert get(f"{address}gradio_api/upload", *form(b"text\na\nb\n"))[0] == 200
        assert get(f"{address}gradio_api/upload", *form(b"x" * (MAX_SIZE + 1)))[0] == 413
        join = "/gradio_api/queue/join"
        assert posted(address, join, **{"Content-Length": str(MAX_BODY + 1)}) == 413
        assert posted(address, join, **{"Transfer-Encoding": "chunked"}) == 411
        config = json.loads(get(f"{address}config")[1])
        assert config["analytics_enabled"] is False and config["run_history"] is False
        assert page._queue.max_size == MAX_WAITING
        assert page.app.state_holder.capacity == MAX_SESSIONS and page.share_url is None
        _, content = get(address)
        assert "fonts.googleapis.com" not in content and "cdnjs" not in content


def test_programs_find_the_answers_by_name(make_asker):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    session = make_asker()
    with served(build_page(session, None, 10)) as address:
        client = Client(address, verbose=False)
        endpoints = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
        assert set(endpoints) == {"/answer", "/answer_pair"}
        text, other = "the film was good", "a dull film"
        assert client.predict(text, api_name="/answer") == session.predict(text)
        assert client.predict(text, other, api_name="/answer_pair") == session.predict(text, other)
        with pytest.raises(AppError, match="The text is empty"):
            client.predict(" ", api_name="/answer")


def test_there_are_endpoints_for_tasks_that_there_are(make_asker):
    def names(tasks) -> set[str]:
        page = build_page(make_asker(tasks), None, 10)
        return {f.api_name for f in page.fns.values() if f.api_visibility == "public"}

    assert names({"near": TASKS["near"]}) == {"answer_pair"}
    assert names({"mood": TASKS["mood"]}) == {"answer"}
    assert names({}) == set()
