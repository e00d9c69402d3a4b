"""The search itself: asks the method, trains what it asks for, and keeps the journal."""

import hashlib
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.errors import InputError
from trainer.search.executor import Executor
from trainer.search.journal import JOURNAL, Journal, asked, told
from trainer.search.methods import METHODS, make_method
from trainer.search.study import Study
from trainer.search.trials import Method, Result, Segment, Trial

# Called with a new result: its trial, its segment, the result, and the number of trials.
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
        with _signals():
            try:
                self._run(executor)
            except SearchInterruptedError:
                print("stopping: running trials save a checkpoint", file=sys.stderr, flush=True)
                executor.interrupt()
                raise

    def _run(self, executor: Executor) -> None:
        running: dict[tuple[int, int | None], Segment] = {}
        again: set[tuple[int, int | None]] = set()
        while not self.method.done:
            while len(running) < self.study.parallel and (segment := self._next()):
                running[segment.key] = segment
                executor.submit(segment.key, self.request(self._trial(segment), segment))
            if not running:
                raise RuntimeError(f"method '{self.study.method}' waits for nothing")
            key, result = executor.wait()
            segment = running[key]
            if result.died and key not in again:  # goes on from its checkpoint, if it has one
                again.add(key)
                executor.submit(key, self.request(self._trial(segment), segment))
                continue
            self._tell(running.pop(key), result)

    def _next(self) -> Segment | None:
        if self._pending:
            return self._pending.pop(0)
        segment = self.method.ask()
        if segment is not None:
            self.journal.append(asked(segment, self._trial(segment)))
        return segment

    def _tell(self, segment: Segment, result: Result) -> None:
        self.journal.append(told(segment, result))
        self.method.tell(segment, result)
        self.results.append((segment, result))
        self.report(self._trial(segment), segment, result, self.planned)

    @property
    def planned(self) -> int:
        """Return the number of trials, also of those that are created during the search."""
        study = self.study
        drawn = (study.trials or 0) * max(len(study.variants), 1) * len(study.seeds)
        return max(len(self.method.trials), drawn)

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
        for number, entry in enumerate(entries, start=2):
            try:
                self._repeat(entry, open_segments)
            except (AttributeError, KeyError, TypeError) as error:
                raise self.journal.damaged(number, "it is no entry of a journal") from error
        self._pending = list(open_segments.values())

    def _repeat(
        self, entry: dict[str, Any], open_segments: dict[tuple[int, int | None], Segment]
    ) -> None:
        """Repeat the decision of an entry, or take its result."""
        if "ask" not in entry:
            segment = open_segments.pop((entry["tell"]["trial"], entry["tell"]["until"]))
            result = Result(**entry["result"])
            if not isinstance(result.score, float | int | None):
                raise TypeError("a score is a number")
            self.method.tell(segment, result)
            self.results.append((segment, result))
            return
        asked_for = self.method.ask()
        if asked_for is None or _plain(asked(asked_for, self._trial(asked_for))) != entry:
            raise InputError(
                f"{self.journal.path}: was written with other variants or values, or by another "
                f"version of the search method '{self.study.method}'; remove the study's folder to "
                "start again"
            )
        open_segments[asked_for.key] = asked_for


def fingerprint(study: Study) -> str:
    """Return a key that changes with any setting of a study that changes its results."""
    settings = asdict(study)
    unchanging = "name", "output_dir", "parallel", "threads", "engine", "address", "keep"
    for name in (*unchanging, "baseline", "combined"):
        del settings[name]
    if getattr(METHODS[study.method], "takes_more_seeds", False):
        del settings["seeds"]
    # The order of options means nothing; that of variants and of the space numbers the trials.
    for name in ("variants", "space"):
        settings[name] = list(settings[name].items())
    extensions = study.options.get("extensions") or []
    names = [Path(str(e)).name for e in extensions] if isinstance(extensions, list) else extensions
    settings["options"]["extensions"] = names
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(content: Any) -> Any:
    return json.loads(json.dumps(content))


@contextmanager
def _signals() -> Iterator[None]:
    """Raise `SearchInterruptedError` on the first SIGINT or SIGTERM, and ignore further ones."""

    def interrupt(number: int, _: Any) -> None:
        for each in previous:
            signal.signal(each, signal.SIG_IGN)
        raise SearchInterruptedError(signal.Signals(number).name)

    previous = {n: signal.signal(n, interrupt) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
