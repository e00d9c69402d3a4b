"""A study from its file to its results: what `scripts/search.py` does."""

import time
from collections.abc import Mapping
from pathlib import Path

from trainer.search.checks import check_runs
from trainer.search.executor import ProcessExecutor
from trainer.search.final import measure_test
from trainer.search.run import Search
from trainer.search.segments import Request
from trainer.search.storage import Storage
from trainer.search.study import Study
from trainer.search.study_file import read_study
from trainer.search.trials import Result, Segment, Trial
from trainer.search.worker import run_segment

EXIT_STATUS = 75  # sysexits.h: a temporary failure; the same command goes on


def run_study(path: Path) -> Search:
    """Check a study, and run or continue it.

    Raises:
        InputError: for a wrong study, before its first run.
        SearchInterruptedError: after a signal; running trials have saved a checkpoint.
    """
    study = read_study(path)
    storage, progress = Storage(study), Progress(study)

    def request(trial: Trial, segment: Segment) -> Request:
        return make_request(study, storage, search.method.trials, segment, path.parent)

    def report(trial: Trial, segment: Segment, result: Result, known: int) -> None:
        storage.tidy(search.method.trials, segment, result, done=search.method.done)
        progress(trial, segment, result, known)

    search = Search(study, request, report)
    progress.finished = len(search.results)
    for segment, result in search.results:
        storage.tidy(search.method.trials, segment, result, done=search.method.done)
    check_runs(study, search.method.trials, path.parent)
    executor = ProcessExecutor(run_segment, study.threads)
    try:
        search.run(executor)
    finally:
        executor.close()
    if storage.best is not None:
        found = measure_test(study, storage.best, path.parent)
        overall = found.get("test_overall")
        on_test = "" if overall is None else f"; test_overall {overall:.4f}, measured for it alone"
        print(f"the best is {storage.best.name}{on_test}")
    return search


def make_request(
    study: Study, storage: Storage, trials: list[Trial], segment: Segment, folder: Path
) -> Request:
    """Return what a worker needs to train a segment of one of the trials."""
    trial = trials[segment.trial - 1]
    donor = trial if segment.donor is None else trials[segment.donor - 1]
    return Request(
        options=study.options_of(trial, segment.values),
        log=str(study.folder / "logs" / f"{trial.name}.txt"),
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

    Attributes:
        finished: the number of results so far.
    """

    def __init__(self, study: Study):
        self.study = study
        self.finished = 0
        self._begin = time.monotonic()
        self._seconds: list[float] = []

    def __call__(self, trial: Trial, segment: Segment, result: Result, known: int) -> None:
        """Print a result, and the time that the known trials still take."""
        self.finished += 1
        self._seconds.append(result.seconds)
        left = max(known - self.finished, 0)
        seconds = sum(self._seconds) / len(self._seconds) * left / self.study.parallel
        score = result.error if result.score is None else f"{result.score:.4f}"
        what = ", ".join(filter(None, (trial.variant, f"seed {trial.seed}", _format(trial.values))))
        print(
            f"{self.finished}/{known} {trial.name} ({what}): {score}, {_duration(result.seconds)}"
            f"; about {_duration(seconds)} left",
            flush=True,
        )


def _format(values: Mapping[str, object]) -> str:
    return ", ".join(
        f"{option} {value:.3g}" if isinstance(value, float) else f"{option} {value}"
        for option, value in values.items()
    )


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
