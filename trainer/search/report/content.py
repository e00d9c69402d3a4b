"""All that the report of a study says, as plain data: `study.json`."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from trainer.search.report.comparison import Mean
from trainer.search.report.differences import compared, compared_by_task
from trainer.search.report.measures import Measures
from trainer.search.report.rows import Row, combined_rows, rows_of
from trainer.search.report.runs import Run
from trainer.search.study import Study


def study_rows(study: Study, measures: Measures, runs: Sequence[Run]) -> list[Row]:
    """Return the rows of a study's table, those of combinations at the end."""
    rows = rows_of(runs)
    return [*rows, *combined_rows(rows, study.combined, measures)]


def best_row(study: Study, rows: Sequence[Row]) -> Row | None:
    """Return the row with the best mean, of those with the most finished runs.

    A mean of fewer runs is more often good by chance. Combinations are no configuration.
    """
    scores = {
        row.key: list(found.values())
        for row in rows
        if (found := row.scores(study.study_metric)) and not row.parts
    }
    if not scores:
        return None
    most = max(map(len, scores.values()))
    sign = 1 if study.greater_is_better else -1
    able = [row for row in rows if len(scores.get(row.key, [])) == most and not row.parts]
    return max(able, key=lambda row: sign * fmean(scores[row.key]))


def study_content(
    study: Study, measures: Measures, runs: Sequence[Run], known: int, done: bool
) -> dict[str, Any]:
    """Return the content of the report.

    Args:
        study: the study.
        measures: what it measures.
        runs: those with a result.
        known: the number of trials so far, also of those without a result.
        done: whether the search is over.
    """
    rows = study_rows(study, measures, runs)
    best = best_row(study, rows)
    return {
        "name": study.name,
        "method": study.method,
        "metric": measures.metric,
        "greater_is_better": study.greater_is_better,
        "shown": measures.shown,
        "seeds": study.seeds,
        "cycles": study.cycles,
        "minutes": study.minutes,
        "threads": study.threads,
        "baseline": study.baseline,
        "space": list(study.space),
        "done": done,
        "trials": known,
        "best": None if best is None else best.name,
        "best_row": None if best is None else rows.index(best),
        "seconds": sum(run.seconds for run in runs),
        "rows": _described(study, measures, rows),
        "runs": [_run(run) for run in runs],
    }


def _described(study: Study, measures: Measures, rows: Sequence[Row]) -> list[dict[str, Any]]:
    others = [metric for metric in measures.shown if metric != measures.metric]
    differences = zip(compared(study, rows), compared_by_task(study, rows, others), strict=True)
    return [
        {
            "name": row.name,
            "variant": row.variant,
            "values": dict(row.values),
            "combines": list(row.parts),
            "scheduled": row.scheduled,
            "failed": row.failed,
            "paused": row.paused,
            "seconds": Mean.of([*row.seconds.values()]).value if row.seconds else None,
            "metrics": {
                metric: asdict(Mean.of([*scores.values()])) | {"by_seed": scores}
                for metric in measures.shown
                if (scores := row.scores(metric))
            },
            "difference": difference,
            "task_differences": by_task,
        }
        for row, (difference, by_task) in zip(rows, differences, strict=True)
    ]


def _run(run: Run) -> dict[str, Any]:
    return {
        "trial": run.trial.number,
        "variant": run.trial.variant,
        "seed": run.trial.seed,
        "values": dict(run.trial.values),
        "score": run.score,
        "seconds": run.seconds,
        "paused": run.paused,
        "error": run.error,
        "metrics": dict(run.metrics),
    }
