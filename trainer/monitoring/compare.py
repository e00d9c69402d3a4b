"""Tests of a window of answers against the reference."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from trainer.monitoring.answers import NUMBERS, Answers, TaskKind
from trainer.monitoring.baselines import Baselines
from trainer.monitoring.feedback import FeedbackCounts
from trainer.monitoring.options import MonitorOptions
from trainer.monitoring.reference import Rates, Reference
from trainer.monitoring.statistics import (
    Shift,
    VectorSample,
    compare_counts,
    compare_label_rates,
    compare_rates,
    compare_values,
    permutations_for,
)
from trainer.statistics import SIGNIFICANCE, holm

# A check, the answers that it is about, and the rates to compare these with.
Planned = tuple["Check", Answers, Rates | None]
# Of answers to the rows of a group; the lengths of its texts say little about the model.
GROUP_MEASURES = ("labels", "score", "confidence")


@dataclass(frozen=True, order=True)
class Check:
    """A measure that is compared in every window.

    Attributes:
        task: the task's name.
        measure: one of `EFFECTS`.
        group: `column = value` of the answers that it is about; empty for all.
    """

    task: str
    measure: str
    group: str = ""


@dataclass(frozen=True)
class Result:
    """The result of a check in a window.

    Attributes:
        check: the check.
        shift: the difference; None if it was not tested.
        p_holm: its p after the correction for all tests of the window; None if it was not tested.
        reason: why it was not tested.
        detail: what the window and the reference have.
    """

    check: Check
    shift: Shift | None
    p_holm: float | None = None
    reason: str = ""
    detail: str = ""

    def exceeds(self, options: MonitorOptions) -> bool:
        """Return whether the difference is significant, and large enough to matter."""
        if self.shift is None or self.p_holm is None:
            return False
        least = options.least_effect(self.check.measure)
        return self.p_holm < SIGNIFICANCE and self.shift.effect >= least


class Comparison:
    """Compares windows, in order, with the reference.

    Groups that the reference does not have, and the share of corrected answers, are compared with
    the log's own first windows.

    Args:
        reference: of the model.
        options: of the monitor.
    """

    def __init__(self, reference: Reference, options: MonitorOptions):
        self._reference, self._options = reference, options
        self.baselines = Baselines(options.min_rows)
        self._vectors = {
            name: VectorSample(task.vectors)
            for name, task in reference.tasks.items()
            if task.vectors is not None and len(task.vectors) > 1
        }

    def compare(
        self,
        number: int,
        answers: Mapping[str, Answers],
        feedback: Mapping[str, FeedbackCounts],
    ) -> list[Result]:
        """Return the results of all checks of a window.

        Args:
            number: of the window, from 0, which seeds the permutations.
            answers: task -> its answers.
            feedback: task -> the feedback on its answers.
        """
        self._random = np.random.default_rng(number)
        planned = list(self._plan(answers))
        self._permutations = permutations_for(len(planned) + len(answers))
        found = [self._test(check, part, rates) for check, part, rates in planned]
        found += [
            self._test_feedback(name, len(part), feedback.get(name, FeedbackCounts()))
            for name, part in answers.items()
        ]
        self.baselines.add(answers, feedback, self._reference)
        tested = {each.check: each.shift.p for each in found if each.shift is not None}
        corrected = holm(tested)
        return [
            replace(each, p_holm=corrected.get(each.check))
            for each in sorted(found, key=lambda result: result.check)
        ]

    def _plan(self, answers: Mapping[str, Answers]) -> Iterator[Planned]:
        """Yield each check of answers, with these and the rates to compare them with."""
        for name, part in answers.items():
            reference = self._reference.tasks[name]
            for measure in _measures(reference.kind):
                yield Check(name, measure), part, reference.rates
            if name in self._vectors:
                yield Check(name, "vectors"), part, reference.rates
            for column, values in part.groups.items():
                for value in map(str, np.unique(values[values != ""])):
                    group = part.select(values == value)
                    rates = reference.groups.get((column, value))
                    rates = rates or self.baselines.rates(name, column, value)
                    for measure in _measures(reference.kind):
                        if measure in GROUP_MEASURES:
                            yield Check(name, measure, f"{column} = {value}"), group, rates

    def _test(self, check: Check, answers: Answers, rates: Rates | None) -> Result:
        least, measure = self._options.min_rows, check.measure
        if rates is None:
            return Result(check, None, reason="its first windows are its reference")
        n, reference_n = self._sizes(check, answers, rates)
        if n < least:
            return Result(check, None, reason=f"not enough rows: {n} of {least}")
        if reference_n < least:
            return Result(check, None, reason=f"not enough rows in the reference: {reference_n}")
        kind = self._reference.tasks[check.task].kind
        if measure == "vectors" and answers.vectors is not None:
            sample = self._vectors[check.task]
            return Result(check, sample.compare(answers.vectors, self._permutations, self._random))
        if measure == "truncated":
            count = int(answers.truncated.sum())
            shift = compare_rates(count, n, rates.truncated, reference_n)
            return Result(check, shift, detail=_shares(count / n, rates.truncated / reference_n))
        if measure in NUMBERS:
            values, reference = answers.known(measure), rates.samples[measure]
            medians = (
                f"median {np.median(reference):.3g} in the reference, {np.median(values):.3g} now"
            )
            return Result(check, compare_values(values, reference), detail=medians)
        hits = answers.hits.sum(axis=0, dtype=np.int64)
        if kind.is_exclusive:
            shift = compare_counts(hits, rates.hits, self._permutations, self._random)
        else:
            shift = compare_label_rates(hits, n, rates.hits, reference_n)
        now, before = hits / n, np.asarray(rates.hits) / reference_n
        most = int(np.abs(now - before).argmax())
        detail = f"{kind.labels[most]} {_shares(now[most], before[most])}"
        return Result(check, shift, detail=detail)

    def _sizes(self, check: Check, answers: Answers, rates: Rates) -> tuple[int, int]:
        """Return the numbers of values of a measure in the window and in the reference."""
        if check.measure == "vectors":
            found = 0 if answers.vectors is None else len(answers.vectors)
            return found, len(self._vectors[check.task].vectors)
        if check.measure in NUMBERS:
            return len(answers.known(check.measure)), len(rates.samples.get(check.measure, ()))
        return len(answers), rates.n

    def _test_feedback(self, task: str, n: int, counts: FeedbackCounts) -> Result:
        check, least = Check(task, "corrected"), self._options.min_rows
        baseline = self.baselines.corrected(task)
        if n < least:
            return Result(check, None, reason=f"not enough rows: {n} of {least}")
        if baseline is None:
            return Result(check, None, reason="the first windows are its reference")
        # More corrections than answers: of answers before this window.
        corrected, (count, before) = min(counts.corrected, n), baseline
        shift = compare_rates(corrected, n, count, before)
        return Result(check, shift, detail=_shares(corrected / n, count / before))


def _shares(now: float, before: float) -> str:
    return f"{before:.1%} in the reference, {now:.1%} now"


def _measures(kind: TaskKind) -> tuple[str, ...]:
    if kind.labels:
        return ("labels", "confidence", "tokens", "unknown", "truncated")
    return ("score", "tokens", "unknown", "truncated")
