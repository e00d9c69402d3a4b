"""Comparison of every group of rows with all others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.audit.groups import Group
from trainer.audit.measures import FNR, FPR, Measure
from trainer.audit.statistics import Estimate, smallest_detectable
from trainer.statistics import SIGNIFICANCE, Difference, holm


@dataclass(eq=False)
class Comparison:
    """A measure of a group, and its difference to all other rows.

    Attributes:
        task: the task's name.
        group: the group.
        measure: the measure.
        estimate: of the group.
        others: of all other rows.
        difference: None if it is not tested.
        p_holm: p of the difference, corrected for all tests of the audit.
        smallest: the smallest difference that this number of rows could show; see
            `smallest_detectable`.
    """

    task: str
    group: Group
    measure: Measure
    estimate: Estimate
    others: Estimate
    difference: Difference | None
    p_holm: float | None = None
    smallest: float | None = None

    @property
    def is_finding(self) -> bool:
        """Return whether the difference is significant after the correction."""
        return self.p_holm is not None and self.p_holm < SIGNIFICANCE


def compare_groups(
    task: str, measures: Sequence[Measure], groups: Iterable[Group], min_rows: int
) -> list[Comparison]:
    """Return every measure of every group, with tests of the differences to all other rows.

    Args:
        task: the task's name.
        measures: of the rows.
        groups: of the rows.
        min_rows: a difference is tested if the measure has as many rows in the group, and among
            all others.
    """
    comparisons = []
    for group in groups:
        for measure in measures:
            ours, others = measure.estimate(group.members), measure.estimate(~group.members)
            is_tested = min(ours.n, others.n) >= min_rows
            difference = measure.compare(group.members) if is_tested else None
            comparisons.append(Comparison(task, group, measure, ours, others, difference))
    return comparisons


def correct(comparisons: Iterable[Comparison]) -> int:
    """Set `p_holm` and `smallest` of all comparisons of an audit; return the number of tests.

    A group and all other rows, if these are a group, too, are one test.
    """
    tested = [(_key(each), each, each.difference) for each in comparisons]
    corrected = holm({key: found.p for key, _, found in tested if found is not None})
    for key, comparison, found in tested:
        if found is not None:
            comparison.p_holm = corrected[key]
            comparison.smallest = smallest_detectable(found.standard_error, len(corrected))
    return len(corrected)


def count_findings(comparisons: Iterable[Comparison]) -> int:
    """Return the number of tests that are findings, counted as by `correct`."""
    return len({_key(each) for each in comparisons if each.is_finding})


def _key(comparison: Comparison) -> tuple[Any, ...]:
    measure = comparison.measure
    return comparison.task, measure.name, measure.label, comparison.group.partition


def group_tables(comparisons: Sequence[Comparison], min_rows: int) -> list[dict[str, Any]]:
    """Return the groups of a task with all measures, as JSON."""
    tables: dict[Group, dict[str, Any]] = {}
    for comparison in comparisons:
        group = comparison.group
        table = tables.setdefault(
            group,
            {
                "group": dict(group.factors),
                "n": int(group.members.sum()),
                "labels": {},
                "measures": [],
            },
        )
        table["too_few_rows"] = table["n"] < min_rows
        name, label = comparison.measure.name, comparison.measure.label
        if label is not None:
            counts = table["labels"].setdefault(label, {})
            side = {FPR: "negatives", FNR: "positives"}.get(name)
            if side:
                counts[side] = comparison.estimate.n
        table["measures"].append(_as_json(comparison, min_rows))
    return list(tables.values())


def _as_json(comparison: Comparison, min_rows: int) -> dict[str, Any]:
    measure, ours, others = comparison.measure, comparison.estimate, comparison.others
    entry: dict[str, Any] = {"measure": measure.name}
    if measure.label is not None:
        entry["label"] = measure.label
    entry |= {"n": ours.n, "value": ours.value, "interval": ours.interval}
    if ours.undefined:
        entry["undefined"] = ours.undefined
    entry |= {"others_n": others.n, "others": others.value}
    difference = comparison.difference
    if difference is None:
        few = min(ours.n, others.n) < min_rows
        return entry | {"not_tested": f"fewer than {min_rows} rows" if few else "undefined"}
    return entry | {
        "difference": difference.value,
        "difference_interval": difference.interval,
        "p": difference.p,
        "p_holm": comparison.p_holm,
        "smallest_detectable": comparison.smallest,
    }


def finding_tables(comparisons: Iterable[Comparison]) -> list[dict[str, Any]]:
    """Return the significant differences, from the largest to the smallest, as JSON."""
    found = [each for each in comparisons if each.is_finding and each.difference is not None]
    found.sort(key=lambda each: -abs(each.difference.value))  # type: ignore[union-attr]
    return [{"task": each.task, "group": each.group.name, **_as_json(each, 0)} for each in found]


def smallest_by_measure(comparisons: Iterable[Comparison]) -> Mapping[str, tuple[float, float]]:
    """Return measure -> the least and greatest of its smallest detectable differences."""
    values: dict[str, list[float]] = {}
    for comparison in comparisons:
        if comparison.smallest is not None:
            values.setdefault(comparison.measure.name, []).append(comparison.smallest)
    return {name: (min(found), max(found)) for name, found in values.items()}
