"""The rows of a study's table: runs that differ in nothing but their seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainer.search.report.measures import Measures
from trainer.search.report.runs import Run, key_of
from trainer.search.study import METRIC_PREFIX


@dataclass(frozen=True)
class Row:
    """The runs of one configuration, with different seeds.

    Attributes:
        variant: the variant, or the name of a combination of variants; empty if there are none.
        values: of the study's space.
        metrics: seed -> the metrics of the run that was trained to the end with it.
        seconds: seed -> the time of that run.
        failed: the number of runs that failed.
        paused: the number of runs that ended early by decision of the search method.
        scheduled: whether values changed during training; then `values` are the first ones.
        parts: the variants of a combination.
        digits: of numbers in the name, so that no other row of the study has it.
    """

    variant: str
    values: Mapping[str, Any]
    metrics: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    seconds: Mapping[int, float] = field(default_factory=dict)
    failed: int = 0
    paused: int = 0
    scheduled: bool = False
    parts: Sequence[str] = ()
    digits: int = 3

    @property
    def name(self) -> str:
        """Return the variant and the values, on one line."""
        return (
            ", ".join(filter(None, (self.variant, format_values(self.values, self.digits))))
            or "base"
        )

    @property
    def key(self) -> tuple[str, str]:
        """Return what no other row has."""
        return self.variant, key_of(self.values)

    def scores(self, metric: str) -> dict[int, float]:
        """Return seed -> the value of a metric, of the runs that have it."""
        return {seed: found[metric] for seed, found in self.metrics.items() if metric in found}


def rows_of(runs: Iterable[Run]) -> list[Row]:
    """Return the rows of runs, in the order of their first trials."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault(run.key, []).append(run)
    digits = digits_of([group[0].trial.values for group in groups.values()])
    return [
        Row(
            group[0].trial.variant,
            group[0].trial.values,
            {run.trial.seed: run.metrics for run in group if run.finished},
            {run.trial.seed: run.seconds for run in group if run.finished},
            failed=sum(run.error is not None for run in group),
            paused=sum(run.error is None and run.paused is not None for run in group),
            scheduled=any(run.scheduled for run in group),
            digits=digits,
        )
        for group in groups.values()
    ]


def combined_rows(
    rows: Sequence[Row], combined: Mapping[str, Mapping[str, str]], measures: Measures
) -> list[Row]:
    """Return the rows of combinations: several variants' runs with one seed count as one.

    Such a run has the metrics of each task from one of its runs, an overall score computed from
    them, and their time together. A seed that one of them lacks is left out.

    Args:
        rows: of single variants.
        combined: name -> task -> the variant that gives its metrics.
        measures: what the study measures.
    """
    by_key = {row.key: row for row in rows}
    values = {key_of(row.values): row.values for row in rows}
    found = []
    for name, variants in combined.items():
        for key, each in values.items():
            members = {t: by_key[v, key] for t, v in variants.items() if (v, key) in by_key}
            if len(members) == len(variants):
                found.append(_combination(name, each, members, measures))
    return found


def _combination(
    name: str, values: Mapping[str, Any], members: Mapping[str, Row], measures: Measures
) -> Row:
    rows = list({row.variant: row for row in members.values()}.values())
    seeds = [s for s in rows[0].metrics if all(s in row.metrics for row in rows)]
    metrics: dict[int, dict[str, float]] = {}
    for seed in seeds:
        of_tasks = {
            metric: value
            for task, row in members.items()
            for metric, value in row.metrics[seed].items()
            if _task_of(metric, members) == task
        }
        metrics[seed] = measures.with_overall(of_tasks)
    seconds = {seed: sum(row.seconds[seed] for row in rows) for seed in seeds}
    failed = sum(row.failed for row in rows)
    return Row(
        name,
        values,
        metrics,
        seconds,
        failed,
        parts=[row.variant for row in rows],
        digits=rows[0].digits,
    )


def _task_of(metric: str, tasks: Iterable[str]) -> str | None:
    """Return the task that a metric measures, None if it is none of these."""
    found = [task for task in tasks if metric.startswith(f"{METRIC_PREFIX}{task}_")]
    return max(found, key=len, default=None)


def digits_of(sets: Sequence[Mapping[str, Any]]) -> int:
    """Return with how many digits, from three on, the numbers of different sets differ."""
    numbers = {
        (option, value)
        for values in sets
        for option, value in values.items()
        if isinstance(value, float)
    }
    for digits in range(3, 17):
        if len({(option, f"{value:.{digits}g}") for option, value in numbers}) == len(numbers):
            return digits
    return 17


def format_values(values: Mapping[str, Any], digits: int = 3) -> str:
    """Format values on one line."""
    return ", ".join(
        f"{option} {value:.{digits}g}" if isinstance(value, float) else f"{option} {value}"
        for option, value in values.items()
    )
