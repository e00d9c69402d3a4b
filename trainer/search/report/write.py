"""Writes the report of a study."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.saving.files import write_json, write_text
from trainer.search.report.best import BEST, best_config
from trainer.search.report.content import study_content
from trainer.search.report.figures import draw_study
from trainer.search.report.importance import importance_of
from trainer.search.report.measures import Measures
from trainer.search.report.page import study_page
from trainer.search.report.runs import collect_runs
from trainer.search.report.tables import runs_csv
from trainer.search.study import Study
from trainer.search.trials import Result, Segment, Trial


def write_report(
    study: Study,
    measures: Measures,
    trials: Sequence[Trial],
    results: Iterable[tuple[Segment, Result]],
    done: bool,
    complete: bool = True,
    test: Mapping[str, Any] | None = None,
    planned: int | None = None,
) -> dict[str, Any]:
    """Write `study.json`, `study.csv`, `best.yaml` and `README.md` of a study, and its figures.

    Args:
        study: the study.
        measures: what it measures.
        trials: those known so far, in the order of their numbers.
        results: those known so far.
        done: whether the search is over.
        complete: with the figures and the importance of options, which take seconds; otherwise the
            tables alone.
        test: the best single run, its metrics on the test split, and why there are none.
        planned: the number of trials in all, if more than those known so far.

    Returns:
        The content of `study.json`.
    """
    runs = collect_runs(trials, results, measures)
    content = study_content(study, measures, runs, planned or len(trials), done)
    content["test"] = dict(test or {})
    content["importance"] = importance_of(runs, list(study.space)) if complete else None
    figures = draw_study(study, content, runs) if complete else {}
    folder: Path = study.folder
    write_json(folder / "study.json", content)
    write_text(folder / "study.csv", runs_csv(content))
    best = best_config(study, measures, runs)
    if best is not None:
        write_text(folder / f"{BEST}.yaml", best)
    write_text(folder / "README.md", study_page(content, figures))
    return content
