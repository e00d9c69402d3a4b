"""A study from its file to its results: what `scripts/search.py` does."""

import time
from pathlib import Path
from typing import Any

from trainer.search.checks import check_runs
from trainer.search.executor import ProcessExecutor
from trainer.search.report.formats import duration
from trainer.search.report.measures import Measures
from trainer.search.report.rows import format_values
from trainer.search.report.tables import console_table
from trainer.search.report.throttle import Throttled
from trainer.search.report.write import write_report
from trainer.search.run import Search, SearchInterruptedError
from trainer.search.study import Study
from trainer.search.study_file import read_study
from trainer.search.trials import Result, Segment, Trial
from trainer.search.winner import write_schedule
from trainer.search.worker import Request, run_segment

EXIT_STATUS = 75  # sysexits.h: a temporary failure; the same command goes on


def run_study(path: Path) -> Search:
    """Check a study, and run or continue it.

    Raises:
        InputError: for a wrong study, before its first run.
        SearchInterruptedError: after a signal; running trials have saved a checkpoint.
    """
    study = read_study(path)
    search = Search(study, lambda t, s: make_request(study, t, s, path.parent))
    check_runs(study, search.method.trials, path.parent)
    measures = Measures.of(study, path.parent)
    progress = Progress(study, len(search.results))
    write_tables = Throttled(lambda: report(search, measures))

    def tell(*news: Any) -> None:
        progress(*news)
        write_tables()

    search.report = tell
    executor = ProcessExecutor(run_segment, study.threads)
    try:
        search.run(executor)
        write_schedule(search, path.parent)
    except SearchInterruptedError:
        executor.interrupt()
        report(search, measures)
        raise
    finally:
        executor.close()
    content = report(search, measures, complete=True)
    print(f"{console_table(content)}\nreport written to {study.folder / 'README.md'}")
    return search


def report(search: Search, measures: Measures, complete: bool = False) -> dict[str, Any]:
    """Write the report of what is known of a search, its figures only if it is complete."""
    trials, done = search.method.trials, search.method.done
    return write_report(search.study, measures, trials, search.results, done, complete)


def make_request(study: Study, trial: Trial, segment: Segment, folder: Path) -> Request:
    """Return what a worker needs to train a segment of a trial."""
    return Request(
        options=study.options_of(trial, segment.values),
        log=str(study.log_of(trial)),
        metric=study.study_metric,
        until=segment.until,
        minutes=study.minutes,
        folder=str(folder),
    )


class Progress:
    """Prints a line for each result.

    Args:
        study: the study.
        finished: the number of results that are known already.
    """

    def __init__(self, study: Study, finished: int = 0):
        self.study = study
        self.finished = finished
        self._begin = time.monotonic()
        self._seconds: list[float] = []

    def __call__(self, trial: Trial, segment: Segment, result: Result, known: int) -> None:
        """Print a result, and the time that the known trials still take."""
        self.finished += 1
        self._seconds.append(result.seconds)
        left = max(known - self.finished, 0)
        seconds = sum(self._seconds) / len(self._seconds) * left / self.study.parallel
        score = result.error if result.score is None else f"{result.score:.4f}"
        what = ", ".join(
            filter(None, (trial.variant, f"seed {trial.seed}", format_values(trial.values)))
        )
        print(
            f"{self.finished}/{known} {trial.name} ({what}): {score}, {duration(result.seconds)}"
            f"; about {duration(seconds)} left",
            flush=True,
        )
