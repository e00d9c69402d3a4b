"""A study from its file to its results: what `hybrid-mtl search` does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.search.checks import check_combined, check_runs
from trainer.search.executor import Executor, ProcessExecutor
from trainer.search.final import measure_test
from trainer.search.live_table import LiveTable
from trainer.search.lock import only_search
from trainer.search.methods import METHODS, make_method
from trainer.search.ray_executor import RayExecutor
from trainer.search.report.formats import duration
from trainer.search.report.measures import Measures
from trainer.search.report.rows import format_values
from trainer.search.report.tables import console_table
from trainer.search.report.throttle import Throttled
from trainer.search.report.write import write_report
from trainer.search.run import Search, SearchInterruptedError
from trainer.search.segments import Request
from trainer.search.storage import Storage
from trainer.search.study import Study
from trainer.search.study_file import read_study
from trainer.search.trials import Result, Segment, Trial
from trainer.search.winner import write_schedule
from trainer.search.worker import one_line, run_segment

EXIT_STATUS = 75  # sysexits.h: a temporary failure; the same command goes on


def run_study(path: Path, arguments: Sequence[str] = ()) -> Search:
    """Check a study, and run or continue it.

    Args:
        path: its file.
        arguments: see `read_study`.

    Raises:
        InputError: for a wrong study, before its first run.
        SearchInterruptedError: after a signal; running trials have saved a checkpoint.
    """
    study = read_study(path, arguments)
    # Before anything is written: the trials that are known before the first result.
    check_runs(study, make_method(study).trials, path.parent)
    measures = Measures.of(study, path.parent)
    check_combined(study, measures.parts)
    with only_search(study.folder):
        return _run(study, measures, path)


def _run(study: Study, measures: Measures, path: Path) -> Search:
    copies = getattr(METHODS[study.method], "copies", False)
    storage = Storage(study, copies, measures.score)

    def request(trial: Trial, segment: Segment) -> Request:
        return make_request(study, storage, search.method.trials, segment, path.parent)

    search = Search(study, request)
    for segment, result in search.results:
        storage.tidy(search.method.trials, segment, result, done=False)
    if search.method.done:
        storage.sweep(search.method.trials)
    table = LiveTable()
    progress = Progress(study, table.print, search.results, copies)
    progress.announce(search.planned)
    write_tables = Throttled(lambda: table.update(console_table(report(search, measures))))

    def tell(trial: Trial, segment: Segment, result: Result, known: int) -> None:
        storage.tidy(search.method.trials, segment, result, done=search.method.done)
        progress(trial, segment, result, known)
        write_tables()

    search.report = tell
    executor = make_executor(search)
    try:
        search.run(executor)
    except SearchInterruptedError:
        report(search, measures)
        raise
    finally:
        table.close()
        executor.close()
    finish(search, measures, storage, path.parent)
    return search


def make_executor(search: Search) -> Executor:
    """Start the engine of a study."""
    study = search.study
    if study.engine == "ray":
        witness = search.journal.path
        return RayExecutor(run_segment, study.parallel, study.threads, study.address, witness)
    return ProcessExecutor(run_segment, study.threads)


def finish(search: Search, measures: Measures, storage: Storage, folder: Path) -> None:
    """Measure the best model on the test split, write the report, and print its table."""
    write_schedule(search, folder)
    test = None if storage.best is None else chosen_model(search.study, storage.best, folder)
    content = report(search, measures, complete=True, test=test)
    print(f"{console_table(content)}\nreport written to {search.study.folder / 'README.md'}")
    if test is None:
        print("no run has a score: README.md has the reasons")
        return
    overall = test["metrics"].get("test_overall")
    on_test = "" if overall is None else f"; test_overall {overall:.4f}, measured for it alone"
    print(f"the best single run is {test['trial']}{on_test or test['error']}")


def chosen_model(study: Study, trial: Trial, folder: Path) -> dict[str, Any]:
    """Measure the model of the best single run on the test split; return what the report says."""
    found: dict[str, Any] = {"trial": trial.name, "metrics": {}, "error": ""}
    try:
        found["metrics"] = measure_test(study, trial, folder)
    except Exception as error:  # whatever it is: the results of the runs are still worth a report
        found["error"] = f"; its test split could not be measured: {one_line(error)}"
    return found


def report(
    search: Search,
    measures: Measures,
    complete: bool = False,
    test: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the report of what is known of a search, its figures only if it is complete."""
    trials, done, planned = search.method.trials, search.method.done, search.planned
    return write_report(
        search.study, measures, trials, search.results, done, complete, test, planned
    )


def make_request(
    study: Study, storage: Storage, trials: list[Trial], segment: Segment, folder: Path
) -> Request:
    """Return what a worker needs to train a segment of one of the trials."""
    trial = trials[segment.trial - 1]
    donor = trial if segment.donor is None else trials[segment.donor - 1]
    return Request(
        options=study.options_of(trial, segment.values),
        log=str(study.log_of(trial)),
        metric=study.study_metric,
        until=segment.until,
        begin=str(storage.kept(donor, segment.start)) if segment.start else None,
        keep=None if segment.until is None else str(storage.kept(trial, segment.until)),
        minutes=study.minutes,
        folder=str(folder),
    )


class Progress:
    """Prints a line for each result.

    Args:
        study: the study.
        say: prints a line.
        results: the results that are known already.
        copies: whether a failed trial goes on, from another one's checkpoint.
    """

    def __init__(
        self,
        study: Study,
        say: Callable[[str], None],
        results: Iterable[tuple[Segment, Result]] = (),
        copies: bool = False,
    ):
        self.study = study
        self.say = say
        self.copies = copies
        self._finished = {s.trial for s, r in results if self._ends(s, r)}
        self._seconds: list[float] = []
        self._pauses = False

    def __call__(self, trial: Trial, segment: Segment, result: Result, known: int) -> None:
        """Print a result and, if trials do not pause, the time that the known ones still take."""
        is_finished = self._ends(segment, result)
        self._finished |= {segment.trial} if is_finished else set()
        self._pauses |= not is_finished
        self._seconds.append(result.seconds)
        values = format_values({**trial.values, **segment.values})
        what = ", ".join(filter(None, (trial.variant, f"seed {trial.seed}", values)))
        at = "" if segment.until is None else f" at step {segment.until}"
        log = self.study.log_of(trial)
        failure = f"failed: {(result.error or '')[:100]} ({log})"
        score = failure if result.score is None else f"{result.score:.4f}{at}"
        left = "" if self._pauses else f"; about {duration(self._left(known))} left"
        self.say(
            f"{len(self._finished)}/{known} {trial.name} ({what}): {score}, "
            f"{duration(result.seconds)}{left}"
        )

    def announce(self, known: int) -> None:
        """Print what is going to be trained, and where its output is."""
        done = f", {len(self._finished)} of them finished" if self._finished else ""
        runs = f"{known} runs" if known else "runs"
        self.say(f"{self.study.name}: {runs}{done}; logs in {self.study.folder / 'logs'}")

    def _ends(self, segment: Segment, result: Result) -> bool:
        return segment.until is None or (result.score is None and not self.copies)

    def _left(self, known: int) -> float:
        """Return the seconds that the known trials still take, which train at once."""
        mean = sum(self._seconds) / len(self._seconds)
        return mean * max(known - len(self._finished), 0) / self.study.parallel
