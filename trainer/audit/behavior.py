"""Checks of behavior in CheckList's sense (Ribeiro et al. 2020): invariance and direction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.audit import perturbations
from trainer.audit.outputs import Outputs, Predictions, Row
from trainer.audit.perturbations import Change, ChangeNames
from trainer.data.term_swaps import TermSwapper
from trainer.data.terms import Terms
from trainer.statistics import Interval, wilson

_SEED, WORST = 20_140_503, 5
# A score that changes by more than this share of the task's range fails an invariance check.
TOLERANCE = 0.1
INVARIANT = "same prediction"
LOWER = "lower score than the text with itself"
HIGHER = "no lower score than the pair"
DIFFERENT = "other prediction than the text with itself"
NOT_CHECKED = "none: depends on the task"


@dataclass(frozen=True)
class _Check:
    """A change of rows, what is expected of its predictions, and a change of rows before it."""

    name: str
    change: Change
    expected: str
    before: Change | None = None


@dataclass
class BehaviorResult:
    """The result of a check.

    Attributes:
        name: the check.
        expected: of the predictions; without expectation, `failed` counts those that change.
        rows: the rows that the change applies to.
        failed: those of which the predictions are not as expected.
        interval: the 95% interval of the share of failures; None without rows.
        mean_shift: the mean of the largest absolute differences of a score.
        worst: failures, those with the largest differences.
    """

    name: str
    expected: str
    rows: int
    failed: int = 0
    interval: Interval | None = None
    mean_shift: float | None = None
    worst: list[dict[str, Any]] = field(default_factory=list)


def check_behavior(
    name: str, predictions: Predictions, rows: Sequence[Row], places: Sequence[str], terms: Terms
) -> list[BehaviorResult]:
    """Return the results of all checks for a task.

    Args:
        name: the task's name.
        predictions: of the model.
        rows: texts or pairs, which need no labels.
        places: a name of each row for reports.
        terms: of which the axes with the form `name` are first names.
    """
    is_pair = bool(rows) and "text_pair" in rows[0]
    is_score = predictions.is_score(name)
    checks = [*_invariances(terms), *(_of_pairs(is_score) if is_pair else _of_texts())]
    return [_run(check, name, predictions, rows, places) for check in checks]


def _invariances(terms: Terms) -> list[_Check]:
    names = [terms.axes[axis] for axis in terms.axes if "name" in terms.forms_of(axis)]
    changes: list[tuple[str, Change]] = [
        ("typing error", perturbations.swap_letters),
        ("other number", perturbations.change_numbers),
        *(("other first name", ChangeNames(TermSwapper(forms))) for forms in names),
    ]
    return [_Check(name, change, INVARIANT) for name, change in changes]


def _of_texts() -> list[_Check]:
    return [_Check("negation", perturbations.negate_row, NOT_CHECKED)]


def _of_pairs(is_score: bool) -> list[_Check]:
    itself = perturbations.pair_with_itself
    return [
        _Check("exchanged texts", perturbations.exchange_sides, INVARIANT),
        _Check("text with itself", itself, HIGHER if is_score else NOT_CHECKED),
        _Check("negated text", _negate_second, LOWER if is_score else DIFFERENT, _double),
    ]


def _double(row: Row, random: np.random.Generator) -> Row | None:
    """Pair the first text with itself."""
    return {"text": row["text"], "text_pair": row["text"]}


def _negate_second(row: Row, random: np.random.Generator) -> Row | None:
    text = perturbations.negate(row["text_pair"])
    return None if text is None else {**row, "text_pair": text}


def _run(
    check: _Check,
    name: str,
    predictions: Predictions,
    rows: Sequence[Row],
    places: Sequence[str],
) -> BehaviorResult:
    before, after, kept = [], [], []
    for index, row in enumerate(rows):
        random = np.random.default_rng([_SEED, index])
        first = row if check.before is None else check.before(row, random)
        second = None if first is None else check.change(first, random)
        if first is not None and second is not None:
            before.append(first)
            after.append(second)
            kept.append(places[index])
    if not before:
        return BehaviorResult(check.name, check.expected, 0)
    old, new = predictions.predict(name, before), predictions.predict(name, after)
    failed, shifts = _failures(check.expected, old, new), old.shifts(new)
    order = sorted(np.flatnonzero(failed), key=lambda index: -shifts[index])[:WORST]
    return BehaviorResult(
        name=check.name,
        expected=check.expected,
        rows=len(before),
        failed=int(failed.sum()),
        interval=wilson(int(failed.sum()), len(before)),
        mean_shift=float(shifts.mean()),
        worst=[
            {
                "row": kept[index],
                "predictions": [old.describe(int(index)), new.describe(int(index))],
                "shift": float(shifts[index]),
            }
            for index in order
        ],
    )


def _failures(expected: str, before: Outputs, after: Outputs) -> NDArray[np.bool_]:
    """Return whether the predictions of each row are not as expected, (N,)."""
    if expected == LOWER:
        return after.scores[:, 0] >= before.scores[:, 0]
    if expected == HIGHER:
        return after.scores[:, 0] < before.scores[:, 0]
    flips = before.flips(after)
    if flips is None:
        return before.shifts(after) > TOLERANCE
    return ~flips if expected == DIFFERENT else flips
