"""The report of an audit: JSON for programs, facts for the model card."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from trainer.audit.counterfactuals import AxisResult
from trainer.audit.options import AuditOptions
from trainer.audit.run import Audit, TaskAudit
from trainer.audit.statistics import POWER
from trainer.audit.subgroups import (
    count_findings,
    finding_tables,
    group_tables,
    smallest_by_measure,
)
from trainer.cards.audit_facts import AuditFacts
from trainer.data.readers.databases import is_database
from trainer.statistics import LEVEL, SIGNIFICANCE

# Of the largest shifts of a task, on the card.
SHOWN = 3
# Findings of a kind on a terminal, the largest; bias_audit.json has all.
PRINTED = 10
NOTE = (
    "No finding is no proof that groups are treated alike: smaller differences than "
    "smallest_detectable, other groups, terms and texts were not measured."
)


def audit_report(found: Audit, options: AuditOptions, model: str) -> dict[str, Any]:
    """Return an audit as JSON, without texts of the data and paths of this machine.

    Args:
        found: the results.
        options: of the audit.
        model: the model's name.
    """
    return {
        "model": model,
        "data": data_names(options.data),
        "groups": list(options.groups),
        "min_rows": options.min_rows,
        "interval_level": LEVEL,
        "significance": SIGNIFICANCE,
        "power_of_smallest_detectable": POWER,
        "tests": found.tests,
        "note": NOTE,
        "findings": {
            "subgroups": finding_tables(each for task in found.tasks for each in task.comparisons),
            "terms": [row for task in found.tasks for row in _term_findings(task)],
        },
        "skipped": found.skipped,
        "tasks": {
            task.name: {
                "rows": task.rows,
                "rows_without_label": task.left_out,
                "subgroups": group_tables(task.comparisons, options.min_rows),
                "counterfactuals": [asdict(axis) for axis in task.axes],
                "behavior": [asdict(check) for check in task.behavior],
            }
            for task in found.tasks
        },
    }


def data_names(files: Sequence[str]) -> list[str]:
    """Return the names of files without their folders; a database's URL may hold a password."""
    return ["a database" if is_database(file) else Path(file).name for file in files]


def _term_findings(task: TaskAudit) -> list[dict[str, Any]]:
    shifts = [shift for axis in task.axes for shift in axis.shifts if shift.p_holm < SIGNIFICANCE]
    shifts.sort(key=lambda shift: -abs(shift.value))
    return [{"task": task.name, **asdict(shift)} for shift in shifts]


def audit_facts(
    found: Audit, options: AuditOptions, figures: Sequence[tuple[str, str]]
) -> AuditFacts:
    """Return the facts of an audit for the model card.

    Args:
        found: the results.
        options: of the audit.
        figures: caption and path of each figure.
    """
    comparisons = [each for task in found.tasks for each in task.comparisons]
    small = {
        each.group.name: int(each.group.members.sum())
        for each in comparisons
        if each.group.members.sum() < options.min_rows
    }
    return AuditFacts(
        data=data_names(options.data),
        rows={task.name: task.rows for task in found.tasks if task.rows},
        factors=list(options.groups),
        min_rows=options.min_rows,
        tests=found.tests,
        findings=finding_tables(comparisons),
        detectable={name: list(ends) for name, ends in smallest_by_measure(comparisons).items()},
        small_groups=small,
        terms=[_axis_row(task.name, axis) for task in found.tasks for axis in task.axes],
        term_findings=[row for task in found.tasks for row in _term_findings(task)],
        worst=[row for task in found.tasks for row in _worst_rows(task)],
        behavior=[
            {"task": task.name, **asdict(replace(check, worst=[]))}
            for task in found.tasks
            for check in task.behavior
        ],
        own_terms=options.terms is not None,
        skipped=dict(found.skipped),
        figures=list(figures),
    )


def _worst_rows(task: TaskAudit) -> list[dict[str, Any]]:
    """Return the largest shifts of a task, each of another axis or side."""
    rows = [
        {"task": task.name, "axis": axis.axis, "side": axis.side, **axis.worst[0]}
        for axis in task.axes
    ]
    return sorted(rows, key=lambda row: -row["shift"])[:SHOWN]


def _axis_row(task: str, axis: AxisResult) -> dict[str, Any]:
    row = asdict(axis)
    del row["shifts"], row["worst"]
    return {"task": task, **row}


def summary(found: Audit, report: dict[str, Any]) -> list[str]:
    """Return the findings in lines for a terminal."""
    findings = report["findings"]
    groups = sorted(findings["subgroups"], key=lambda row: -abs(row["difference"]))
    terms = sorted(findings["terms"], key=lambda row: -abs(row["value"]))
    lines = [
        f"{row['task']}: {row['group']}: {row['measure']}"
        f"{' of ' + row['label'] if 'label' in row else ''} {row['value']:.3f}, others "
        f"{row['others']:.3f}; difference {_signed(row['difference'])} "
        f"({_signed(row['difference_interval'][0])} to {_signed(row['difference_interval'][1])}), "
        f"p = {row['p_holm']:.2g} after Holm"
        for row in groups[:PRINTED]
    ]
    lines += _more(groups, "differences between groups")
    lines += [
        f"{row['task']}: {row['axis']}, {row['side']}: '{row['term']}' shifts {row['score']} by "
        f"{_signed(row['value'])} ({_signed(row['interval'][0])} to "
        f"{_signed(row['interval'][1])}), p = {row['p_holm']:.2g} after Holm"
        for row in terms[:PRINTED]
    ]
    lines += _more(terms, "shifts with terms")
    lines += [f"{name}: not audited: {reason}" for name, reason in found.skipped.items()]
    found_tests = count_findings(each for task in found.tasks for each in task.comparisons)
    counts = f"{found_tests} of {found.tests} tested differences between groups"
    shifts = sum(len(axis.shifts) for task in found.tasks for axis in task.axes)
    return [
        *lines,
        f"{counts} and {len(findings['terms'])} of {shifts} shifts with terms have p below "
        f"{SIGNIFICANCE} after Holm. {NOTE}",
    ]


def _more(rows: Sequence[Any], what: str) -> list[str]:
    count = len(rows) - PRINTED
    return [f"... and {count} smaller {what}: see bias_audit.json"] if count > 0 else []


def _signed(value: float) -> str:
    return f"{value:+.3f}"
