import asyncio
import threading
import time
from contextlib import contextmanager

import pytest

from trainer.serving.batching import Batcher, Pending, Waiting, choose
from trainer.serving.errors import RequestError
from trainer.serving.passes import Row


class Passes:
    """A stand-in for a model: answers each row with its text, when it is let to."""

    def __init__(self):
        self.batches: list[list[str]] = []
        self.go_on, self.entered = threading.Event(), threading.Event()
        self.go_on.set()

    def key(self, row):
        return row.task

    def run(self, rows):
        texts = [row.texts["text"] for row in rows]
        self.batches.append(texts)
        self.entered.set()
        assert self.go_on.wait(20)
        if "bad" in texts:
            raise RuntimeError("bad")
        return texts


@pytest.fixture
def passes():
    return Passes()


@contextmanager
def batcher_of(passes, **options):
    options = {"batch_size": 8, "max_wait": 0.0, "max_queue": 100, **options}
    batcher = Batcher(passes, **options)
    try:
        yield batcher
    finally:
        passes.go_on.set()
        batcher.close()


def rows(*texts, task=None):
    return [Row({"text": text}, task) for text in texts]


async def block(passes, batcher):
    """Return a request that the model is busy with, until `go_on`."""
    passes.go_on.clear()
    passes.entered.clear()
    first = asyncio.create_task(batcher.run(rows("first"), 20))
    while not passes.entered.is_set():
        await asyncio.sleep(0.001)
    return first


def test_requests_that_wait_share_a_batch_and_each_gets_its_own_answers(passes):
    async def run(batcher):
        first = await block(passes, batcher)
        others = [asyncio.create_task(batcher.run(rows(f"a{i}", f"b{i}"), 20)) for i in range(3)]
        while batcher.waiting < 6:
            await asyncio.sleep(0.001)
        passes.go_on.set()
        return await asyncio.gather(first, *others)

    with batcher_of(passes) as batcher:
        found = asyncio.run(run(batcher))
    assert found == [["first"], ["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]
    assert [len(batch) for batch in passes.batches] == [1, 6]


def test_a_request_longer_than_a_batch_is_answered_whole(passes):
    texts = [f"t{i}" for i in range(20)]
    with batcher_of(passes) as batcher:
        assert asyncio.run(batcher.run(rows(*texts), 20)) == texts
    assert [len(batch) for batch in passes.batches] == [8, 8, 4]


def test_a_free_model_waits_only_after_a_batch_of_several(passes):
    with batcher_of(passes, max_wait=0.3) as batcher:
        start = time.perf_counter()
        for _ in range(5):
            asyncio.run(batcher.run(rows("a"), 20))
        assert time.perf_counter() - start < 0.3
        asyncio.run(batcher.run(rows("a", "b", "c"), 20))

        async def slowly():
            one = asyncio.create_task(batcher.run(rows("a"), 20))
            await asyncio.sleep(0.05)
            two = asyncio.create_task(batcher.run(rows("b", "c"), 20))
            return await asyncio.gather(one, two)

        assert asyncio.run(slowly()) == [["a"], ["b", "c"]]
    assert passes.batches[-1] == ["a", "b", "c"]


def test_a_full_queue_refuses(passes):
    async def run(batcher):
        first = await block(passes, batcher)
        waiting = asyncio.create_task(batcher.run(rows(*"abc"), 20))
        await asyncio.sleep(0.01)
        with pytest.raises(RequestError) as refused:
            await batcher.run(rows(*"de"), 20)
        passes.go_on.set()
        await asyncio.gather(first, waiting)
        return refused.value

    with batcher_of(passes, max_queue=4) as batcher:
        error = asyncio.run(run(batcher))
        assert error.status == 429 and error.headers["Retry-After"] == "1"
        assert asyncio.run(batcher.run(rows("d"), 20)) == ["d"]


def test_a_request_that_gave_up_is_not_computed(passes):
    async def run(batcher):
        first = await block(passes, batcher)
        with pytest.raises(RequestError) as late:
            await batcher.run(rows("late"), 0.02)
        passes.go_on.set()
        await first
        return late.value.status

    with batcher_of(passes) as batcher:
        assert asyncio.run(run(batcher)) == 504
        assert asyncio.run(batcher.run(rows("next"), 20)) == ["next"]
    assert passes.batches == [["first"], ["next"]]


def test_a_row_that_the_model_fails_at_fails_alone(passes):
    errors = []

    async def run(batcher):
        first = await block(passes, batcher)
        others = [asyncio.create_task(batcher.run(rows(t), 20)) for t in ("good", "bad", "fine")]
        await asyncio.sleep(0.02)
        passes.go_on.set()
        await first
        return await asyncio.gather(*others, return_exceptions=True)

    with batcher_of(passes, on_error=errors.append) as batcher:
        good, bad, fine = asyncio.run(run(batcher))
    assert (good, bad.status, fine) == (["good"], 500, ["fine"])
    assert [str(error) for error in errors] == ["bad"]


def test_closing_answers_what_waits_and_refuses_the_rest(passes):
    async def run(batcher):
        first = await block(passes, batcher)
        waiting = asyncio.create_task(batcher.run(rows("waits"), 20))
        await asyncio.sleep(0.01)
        closing = threading.Thread(target=batcher.close)
        closing.start()
        await asyncio.sleep(0.01)
        with pytest.raises(RequestError) as refused:
            await batcher.run(rows("late"), 20)
        passes.go_on.set()
        found = await asyncio.gather(first, waiting)
        closing.join()
        return refused.value.status, found

    with batcher_of(passes) as batcher:
        assert asyncio.run(run(batcher)) == (503, [["first"], ["waits"]])


def waiting(*texts, keys=None):
    pending = Pending(None, [], 0)
    keys = keys or [0] * len(texts)
    return [
        Waiting(pending, i, Row({"text": text}), key)
        for i, (text, key) in enumerate(zip(texts, keys, strict=True))
    ]


def texts_of(batch):
    return [item.row.texts["text"] for item in batch]


def test_a_batch_is_the_oldest_row_and_those_of_its_key_and_similar_length():
    items = waiting("a" * 10, "b" * 99, "c" * 12, "d" * 10, "e" * 11, keys=[0, 0, 0, 1, 0])
    assert texts_of(choose(items, 3)) == ["a" * 10, "e" * 11, "c" * 12]


def test_at_most_half_of_a_batch_is_padding():
    items = waiting("a" * 100, *"bcdefgh")
    assert texts_of(choose(items, 8)) == ["a" * 100, "b"]
    lengths = [10, 12, 16, 24, 40, 80, 160]
    batch = choose(waiting(*["x" * n for n in lengths]), 8)
    sizes = [len(text) for text in texts_of(batch)]
    assert len(sizes) > 1 and max(sizes) * len(sizes) <= 2 * sum(sizes)
