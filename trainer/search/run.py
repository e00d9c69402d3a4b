"""The search itself: asks the method, trains what it asks for, and keeps the journal."""

import hashlib
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from trainer.errors import InputError
from trainer.search.executor import Executor
from trainer.search.journal import JOURNAL, Journal, asked, told
from trainer.search.methods import make_method
from trainer.search.study import Study
from trainer.search.trials import Method, Result, Segment, Trial

# Called with a new result: its trial, its segment, the result, and the number of known trials.
Report = Callable[[Trial, Segment, Result, int], None]


class SearchInterruptedError(Exception):
    """Raised when a signal ended a search; the same command goes on with it."""


class Search:
    """A search and what is known of it.

    Args:
        study: the study.
        request: returns what the executor needs to train a segment of a trial.
        report: called with every new result.

    Attributes:
        method: which has been told all results so far.
        results: the results of all finished segments, in the order in which they were known.

    Raises:
        InputError: if the study's folder holds the journal of another study.
    """

    def __init__(
        self, study: Study, request: Callable[[Trial, Segment], Any], report: Report | None = None
    ):
        self.study = study
        self.request = request
        self.report = report or (lambda *_: None)
        self.method: Method = make_method(study)
        self.results: list[tuple[Segment, Result]] = []
        self.journal = Journal(study.folder / JOURNAL)
        self._pending: list[Segment] = []  # asked for, and neither running nor finished
        self._replay()

    def run(self, executor: Executor) -> None:
        """Go on until the method is done.

        Raises:
            SearchInterruptedError: after SIGINT or SIGTERM, when the executor's segments have
                saved a checkpoint.
        """
        try:
            with _signals():
                self._run(executor)
        except SearchInterruptedError:
            executor.interrupt()
            raise

    def _run(self, executor: Executor) -> None:
        running: dict[tuple[int, int | None], Segment] = {}
        while not self.method.done:
            while len(running) < self.study.parallel and (segment := self._next()):
                running[segment.key] = segment
                executor.submit(segment.key, self.request(self._trial(segment), segment))
            if not running:
                raise RuntimeError(f"method '{self.study.method}' waits for nothing")
            key, result = executor.wait()
            self._tell(running.pop(key), result)

    def _next(self) -> Segment | None:
        if self._pending:
            return self._pending.pop(0)
        segment = self.method.ask()
        if segment is not None:
            self.journal.append(asked(segment))
        return segment

    def _tell(self, segment: Segment, result: Result) -> None:
        self.journal.append(told(segment, result))
        self.method.tell(segment, result)
        self.results.append((segment, result))
        self.report(self._trial(segment), segment, result, len(self.method.trials))

    def _trial(self, segment: Segment) -> Trial:
        return self.method.trials[segment.trial - 1]

    def _replay(self) -> None:
        """Repeat the decisions of the journal, so that the method is where it was."""
        entries = self.journal.read()
        first = next(entries, None)
        begin = {"study": fingerprint(self.study)}
        if first is None:
            self.journal.append(begin)
            return
        if first != begin:
            raise InputError(
                f"output_dir: '{self.study.folder}' holds a study with other settings; choose "
                "another folder, or remove that one"
            )
        open_segments: dict[tuple[int, int | None], Segment] = {}
        for entry in entries:
            if "ask" in entry:
                segment = self.method.ask()
                if segment is None or _plain(segment.to_json()) != entry["ask"]:
                    raise InputError(
                        f"{self.journal.path}: was written by another version of the search method "
                        f"'{self.study.method}'; remove the study's folder to start again"
                    )
                open_segments[segment.key] = segment
            else:
                told_key = (entry["tell"]["trial"], entry["tell"]["until"])
                segment, result = open_segments.pop(told_key), Result(**entry["result"])
                self.method.tell(segment, result)
                self.results.append((segment, result))
        self._pending = list(open_segments.values())


def fingerprint(study: Study) -> str:
    """Return a key that changes with any setting of a study that changes its results."""
    settings = asdict(study)
    unchanging = "name", "output_dir", "parallel", "threads", "engine", "address", "keep"
    for name in (*unchanging, "baseline", "combined"):
        del settings[name]
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(content: Any) -> Any:
    return json.loads(json.dumps(content))


@contextmanager
def _signals() -> Iterator[None]:
    """Raise `SearchInterruptedError` on SIGINT and SIGTERM."""

    def interrupt(number: int, _: Any) -> None:
        raise SearchInterruptedError(signal.Signals(number).name)

    previous = {n: signal.signal(n, interrupt) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
