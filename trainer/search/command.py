"""A study from its file to its results: what `scripts/search.py` does."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.search.checks import check_runs
from trainer.search.executor import Executor, ProcessExecutor
from trainer.search.final import measure_test
from trainer.search.methods import METHODS
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
from trainer.search.worker import run_segment

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
    storage = Storage(study, getattr(METHODS[study.method], "copies", False))

    def request(trial: Trial, segment: Segment) -> Request:
        return make_request(study, storage, search.method.trials, segment, path.parent)

    search = Search(study, request)
    for segment, result in search.results:
        storage.tidy(search.method.trials, segment, result, done=search.method.done)
    check_runs(study, search.method.trials, path.parent)
    measures = Measures.of(study, path.parent)
    finished = sum(s.until is None or r.score is None for s, r in search.results)
    progress = Progress(study, finished)
    write_tables = Throttled(lambda: report(search, measures))

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
    test = None if storage.best is None else measure_test(search.study, storage.best, folder)
    content = report(search, measures, complete=True, test=test)
    print(f"{console_table(content)}\nreport written to {search.study.folder / 'README.md'}")
    if storage.best is not None:
        overall = (test or {}).get("test_overall")
        on_test = "" if overall is None else f"; test_overall {overall:.4f}, measured for it alone"
        print(f"the best single run is {storage.best.name}{on_test}")


def report(
    search: Search,
    measures: Measures,
    complete: bool = False,
    test: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Write the report of what is known of a search, its figures only if it is complete."""
    trials, done = search.method.trials, search.method.done
    return write_report(search.study, measures, trials, search.results, done, complete, test)


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
        finished: the number of trials that are finished already.
    """

    def __init__(self, study: Study, finished: int = 0):
        self.study = study
        self.finished = finished
        self._seconds: list[float] = []
        self._pauses = False

    def __call__(self, trial: Trial, segment: Segment, result: Result, known: int) -> None:
        """Print a result and, if trials do not pause, the time that the known ones still take."""
        is_finished = segment.until is None or result.score is None
        self.finished += is_finished
        self._pauses |= not is_finished
        self._seconds.append(result.seconds)
        values = format_values({**trial.values, **segment.values})
        what = ", ".join(filter(None, (trial.variant, f"seed {trial.seed}", values)))
        at = "" if segment.until is None else f" at step {segment.until}"
        score = result.error if result.score is None else f"{result.score:.4f}{at}"
        left = "" if self._pauses else f"; about {duration(self._left(known))} left"
        print(
            f"{self.finished}/{known} {trial.name} ({what}): {score}, "
            f"{duration(result.seconds)}{left}",
            flush=True,
        )

    def _left(self, known: int) -> float:
        """Return the seconds that the known trials still take, which train at once."""
        mean = sum(self._seconds) / len(self._seconds)
        return mean * max(known - self.finished, 0) / self.study.parallel
