"""The change of predictions when one term in a sentence is replaced by another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.audit.outputs import Outputs, Predictions, Row
from trainer.audit.statistics import paired_p
from trainer.data.terms import Terms, fill, slots
from trainer.evaluation.intervals import interval_of
from trainer.statistics import Interval, holm

DRAWS, _SEED, WORST = 2000, 20_140_502, 5
SINGLE, BOTH, FIRST, SECOND = "text", "both texts", "first text", "second text"


@dataclass(frozen=True)
class Sentences:
    """A template filled with every term of an axis.

    Attributes:
        axis: the axis.
        side: the texts with the term: `text`, or of pairs `both texts`, `first text` or
            `second text`, of which the other one has neutral words.
        terms: the terms.
        rows: a row for each term.
    """

    axis: str
    side: str
    terms: tuple[str, ...]
    rows: tuple[Row, ...]


def fill_templates(terms: Terms, is_pair: bool) -> list[Sentences]:
    """Return all templates with the terms of all axes that have their forms.

    Args:
        terms: the terms and templates.
        is_pair: whether to fill the templates of pairs.
    """
    templates = terms.pair_templates if is_pair else terms.templates
    return [
        Sentences(axis, side, tuple(forms), rows)
        for axis, forms in terms.axes.items()
        for template in templates
        for side, rows in _filled(terms, axis, template)
    ]


def _filled(
    terms: Terms, axis: str, template: str | tuple[str, str]
) -> Iterator[tuple[str, tuple[Row, ...]]]:
    parts = (template,) if isinstance(template, str) else template
    if not slots(*parts) <= terms.forms_of(axis):
        return
    all_forms = terms.axes[axis].values()
    if isinstance(template, str):
        yield SINGLE, tuple({"text": fill(template, forms)} for forms in all_forms)
        return
    neutral = terms.neutral
    for side in (BOTH, FIRST, SECOND):
        yield (
            side,
            tuple(
                {
                    "text": fill(template[0], neutral if side == SECOND else forms),
                    "text_pair": fill(template[1], neutral if side == FIRST else forms),
                }
                for forms in all_forms
            ),
        )


@dataclass(eq=False)
class TermShift:
    """The score of a term minus the mean score of the other terms of its axis.

    Attributes:
        axis: the axis.
        side: as in `Sentences`.
        term: the term.
        score: the class, or `score`.
        value: the mean over the templates; of a score, as a share of the task's range.
        interval: its 95% interval, of draws of templates; None for a single one.
        p: of the test that it is 0, over the templates.
        p_holm: corrected for all term shifts of the task.
    """

    axis: str
    side: str
    term: str
    score: str
    value: float
    interval: Interval | None
    p: float
    p_holm: float = 1.0


@dataclass(eq=False)
class AxisResult:
    """The changes of predictions between the terms of an axis.

    Attributes:
        axis: the axis.
        side: as in `Sentences`.
        templates: their number.
        terms: the terms.
        flip_rate: the share of pairs of terms with different decisions; None for scores.
        flip_interval: its 95% interval, of draws of templates; None for a single one.
        mean_shift: the mean over pairs of terms of the largest absolute difference of a score.
        shift_interval: its interval, likewise.
        shifts: of each term.
        worst: the pairs of terms with the largest differences.
    """

    axis: str
    side: str
    templates: int
    terms: tuple[str, ...]
    flip_rate: float | None
    flip_interval: Interval | None
    mean_shift: float
    shift_interval: Interval | None
    shifts: list[TermShift] = field(default_factory=list)
    worst: list[dict[str, Any]] = field(default_factory=list)


def audit_terms(
    name: str, predictions: Predictions, terms: Terms, is_pair: bool
) -> list[AxisResult]:
    """Return the changes of a task's predictions for each axis, and for pairs for each side.

    Axes without a template are omitted.
    """
    sentences = fill_templates(terms, is_pair)
    rows = [row for each in sentences for row in each.rows]
    if not rows:
        return []
    outputs = predictions.predict(name, rows)
    results = measure_axes(sentences, outputs)
    shifts = [shift for result in results for shift in result.shifts]
    corrected = holm(dict(enumerate(shift.p for shift in shifts)))
    for index, shift in enumerate(shifts):
        shift.p_holm = corrected[index]
    return results


def measure_axes(sentences: Sequence[Sentences], outputs: Outputs) -> list[AxisResult]:
    """Return the changes for each axis and side.

    Args:
        sentences: filled templates.
        outputs: of all their rows, in order.
    """
    starts = np.cumsum([0, *(len(each.rows) for each in sentences)])
    places: dict[tuple[str, str], list[int]] = {}
    for index, each in enumerate(sentences):
        places.setdefault((each.axis, each.side), []).append(index)
    return [
        _measure_axis(
            [sentences[index] for index in indices],
            [outputs.select(slice(starts[index], starts[index + 1])) for index in indices],
        )
        for indices in places.values()
    ]


def _measure_axis(sentences: Sequence[Sentences], outputs: Sequence[Outputs]) -> AxisResult:
    """Return the changes of an axis.

    Args:
        sentences: the axis's templates, T.
        outputs: of each template, for its K terms.
    """
    first = sentences[0]
    one, other = np.array(list(combinations(range(len(first.terms)), 2))).T
    pairs = [(each.select(one), each.select(other)) for each in outputs]
    distances = np.array([a.shifts(b) for a, b in pairs])  # (T, pairs)
    flips = [flipped for a, b in pairs if (flipped := a.flips(b)) is not None]
    weights = _draws(len(sentences))
    rates = np.mean(flips, axis=1) if flips else None  # (T,)
    return AxisResult(
        axis=first.axis,
        side=first.side,
        templates=len(sentences),
        terms=first.terms,
        flip_rate=None if rates is None else float(rates.mean()),
        flip_interval=None if rates is None else _interval(weights, rates),
        mean_shift=float(distances.mean()),
        shift_interval=_interval(weights, distances.mean(axis=1)),
        shifts=_term_shifts(first, outputs, weights),
        worst=_worst(sentences, outputs, distances, one, other),
    )


def _draws(templates: int) -> NDArray[np.float64]:
    """Return the share of each template in each draw with replacement, (DRAWS, T)."""
    random = np.random.default_rng(_SEED)
    return random.multinomial(templates, np.full(templates, 1 / templates), DRAWS) / templates


def _interval(weights: NDArray[np.float64], values: NDArray[np.float64]) -> Interval | None:
    """Return the interval of the mean of values, (T,), over the draws of templates."""
    if len(values) < 2:
        return None
    low, high = interval_of(weights @ values)
    return low, high


def _term_shifts(
    first: Sentences, outputs: Sequence[Outputs], weights: NDArray[np.float64]
) -> list[TermShift]:
    scores = np.stack([each.scores for each in outputs])  # (T, K, C)
    count = len(first.terms)
    shifts = (scores - scores.mean(axis=1, keepdims=True)) * count / (count - 1)
    names = outputs[0].names
    # The probabilities of two classes shift by the same amount.
    wanted = [1] if len(names) == 2 and outputs[0].decisions is not None else range(len(names))
    return [
        TermShift(
            first.axis,
            first.side,
            term,
            names[score],
            float(shifts[:, index, score].mean()),
            _interval(weights, shifts[:, index, score]),
            paired_p(shifts[:, index, score]),
        )
        for index, term in enumerate(first.terms)
        for score in wanted
    ]


def _worst(
    sentences: Sequence[Sentences],
    outputs: Sequence[Outputs],
    distances: NDArray[np.float64],
    one: NDArray[np.int64],
    other: NDArray[np.int64],
) -> list[dict[str, Any]]:
    """Return the pairs of rows with the largest differences, of different templates."""
    best = distances.argmax(axis=1)
    order = np.argsort(-distances.max(axis=1), kind="stable")[:WORST]
    return [
        {
            "rows": [dict(sentences[t].rows[i]) for i in (one[best[t]], other[best[t]])],
            "predictions": [outputs[t].describe(i) for i in (one[best[t]], other[best[t]])],
            "shift": float(distances[t, best[t]]),
        }
        for t in order
    ]
