"""One queue of rows from all requests, and one thread that runs them in batches."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any

from trainer.serving.errors import RequestError
from trainer.serving.passes import Answer, ModelPasses, Row


@dataclass
class Pending:
    """A request in the queue.

    Attributes:
        future: of its answers, in the order of its rows.
        answers: those found so far.
        missing: the number of those not found yet.
        given_up: whether nothing waits for them any more.
    """

    future: "asyncio.Future[list[Answer]]"
    answers: list[Any]
    missing: int
    given_up: bool = False


@dataclass(eq=False)
class Waiting:
    """A row in the queue: that of a request with an index."""

    pending: Pending
    index: int
    row: Row
    key: Any = field(default=None)


class Batcher:
    """Run rows of many requests in batches of rows of similar length.

    While the model runs, rows wait; then it takes the oldest and those of similar length. A free
    model takes a row at once, except after a batch of several: then it waits a little for as many
    rows as before, since the callers of those are about to send the next.

    Args:
        passes: of the model.
        batch_size: most rows of a batch.
        max_wait: most seconds that a free model waits.
        max_queue: most rows that wait.
        on_batch: called with the number of rows and the seconds of each batch.
        on_error: called with an exception of the model.
    """

    def __init__(
        self,
        passes: ModelPasses,
        *,
        batch_size: int,
        max_wait: float,
        max_queue: int,
        on_batch: Callable[[int, float], Any] = lambda rows, seconds: None,
        on_error: Callable[[Exception], Any] = lambda error: None,
    ):
        self._passes, self._batch_size = passes, batch_size
        self._max_wait, self._max_queue = max_wait, max_queue
        self._on_batch, self._on_error = on_batch, on_error
        self._waiting: list[Waiting] = []
        self._changed = Condition()
        self._closed = False
        self._last_size = 1
        self._thread = Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Return the number of rows that wait."""
        return len(self._waiting)

    async def run(self, rows: Sequence[Row], timeout: float) -> list[Answer]:
        """Return the answers to rows.

        Args:
            rows: of one request.
            timeout: seconds.

        Raises:
            RequestError: 429 if the queue is full, 503 if it is closed, 504 after the timeout, and
                500 if the model fails.
        """
        future = asyncio.get_running_loop().create_future()
        pending = Pending(future, [None] * len(rows), len(rows))
        items = [Waiting(pending, i, row, self._passes.key(row)) for i, row in enumerate(rows)]
        with self._changed:
            if self._closed:
                raise RequestError(503, "The server is stopping.", {"Retry-After": "1"})
            if len(self._waiting) + len(rows) > self._max_queue:
                raise RequestError(
                    429,
                    f"The queue is full ({len(self._waiting)} texts wait); try again in a second.",
                    {"Retry-After": "1"},
                )
            self._waiting += items
            self._changed.notify()
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            raise RequestError(
                504, f"No answer within {timeout:g} seconds; send fewer texts, or later."
            ) from None
        finally:
            pending.given_up = True

    def close(self) -> None:
        """Answer all rows that wait, refuse others, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            start = time.perf_counter()
            answers = self._answers([item.row for item in batch])
            self._on_batch(len(batch), time.perf_counter() - start)
            done = []
            for item, answer in zip(batch, answers, strict=True):
                pending = item.pending
                pending.answers[item.index] = answer
                pending.missing -= 1
                if not pending.missing:
                    done.append(pending)
            if done:
                _deliver(done)

    def _next(self) -> list[Waiting]:
        """Return the next batch, or nothing if the queue is closed and empty."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._last_size > 1:
                    self._changed.wait_for(self._has_enough, self._max_wait)
                self._waiting = [item for item in self._waiting if not item.pending.given_up]
                if self._waiting:
                    break
                if self._closed:
                    return []
            batch = choose(self._waiting, self._batch_size)
            taken = set(map(id, batch))
            self._waiting = [item for item in self._waiting if id(item) not in taken]
            self._last_size = len(batch)
            return batch

    def _has_enough(self) -> bool:
        return self._closed or len(self._waiting) >= self._last_size

    def _answers(self, rows: list[Row]) -> list[Answer | Exception]:
        """Return the answers to a batch; after a failure, row by row, so that only some fail."""
        try:
            return list(self._passes.run(rows))
        except Exception as error:
            if len(rows) > 1:
                return [answer for row in rows for answer in self._answers([row])]
            self._on_error(error)
            return [error]


def choose(waiting: Sequence[Waiting], size: int) -> list[Waiting]:
    """Return the oldest row, and rows of the same key whose lengths are closest to its length.

    The longest is at most twice as long as the mean, so that at most half of a batch is padding.
    """
    first = waiting[0]
    others = [item for item in waiting if item.key == first.key]
    others.sort(key=lambda item: abs(item.row.length - first.row.length))
    batch: list[Waiting] = []
    total = longest = 0
    for item in others[:size]:
        total, longest = total + item.row.length, max(longest, item.row.length)
        if longest * (len(batch) + 1) > 2 * total:
            break
        batch.append(item)
    return batch


def _deliver(done: Sequence[Pending]) -> None:
    """Hand answers to the requests, each in the thread of its loop."""
    loop = done[0].future.get_loop()
    try:
        loop.call_soon_threadsafe(_resolve, done)
    except RuntimeError:  # the loop is closed: the process ends
        return


def _resolve(done: Sequence[Pending]) -> None:
    for pending in done:
        if pending.future.done():
            continue
        failed = next((a for a in pending.answers if isinstance(a, Exception)), None)
        if failed is None:
            pending.future.set_result(pending.answers)
        else:
            message = "The model failed with this input; the server's log has the reason."
            pending.future.set_exception(RequestError(500, message))
