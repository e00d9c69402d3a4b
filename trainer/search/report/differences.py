"""Each row's differences to the baseline, as plain data."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from trainer.search.report.comparison import Difference
from trainer.search.report.rows import Row
from trainer.search.report.runs import key_of
from trainer.search.study import Study
from trainer.statistics import holm


def compared(study: Study, rows: Sequence[Row]) -> list[dict[str, Any] | None]:
    """Return each row's difference in the study's metric, with a corrected p and the verdict.

    The baseline itself, and rows without a common seed with it, have None.
    """
    found = _differences(study, rows, study.study_metric)
    known = {i: d.p for i, d in enumerate(found) if d is not None and d.p is not None}
    corrected = holm(known)
    return [
        None
        if difference is None
        else {
            **asdict(difference.mean),
            "p": difference.p,
            "p_corrected": corrected.get(index),
            "verdict": difference.verdict(study.greater_is_better, corrected.get(index)),
        }
        for index, difference in enumerate(found)
    ]


def compared_by_task(
    study: Study, rows: Sequence[Row], metrics: Sequence[str]
) -> list[dict[str, Any]]:
    """Return each row's differences in other metrics: metric -> mean and interval."""
    found: list[dict[str, Any]] = [{} for _ in rows]
    for metric in metrics:
        for place, difference in zip(found, _differences(study, rows, metric), strict=True):
            if difference is not None:
                place[metric] = asdict(difference.mean)
    return found


def _differences(study: Study, rows: Sequence[Row], metric: str) -> list[Difference | None]:
    """Return each row's difference to the baseline's row with the same values."""
    baselines = {key_of(row.values): row for row in rows if row.variant == study.baseline}
    found: list[Difference | None] = []
    for row in rows:
        baseline = baselines.get(key_of(row.values))
        if baseline is None or baseline is row:
            found.append(None)
        else:
            found.append(Difference.of(row.scores(metric), baseline.scores(metric)))
    return found
