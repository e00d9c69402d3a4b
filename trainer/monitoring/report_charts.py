"""The charts of a report: what is drawn of each task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainer.monitoring.alerts import Alert
from trainer.monitoring.charts import COLORS, Series, Value, draw_chart
from trainer.monitoring.compare import Check
from trainer.monitoring.options import MonitorOptions
from trainer.monitoring.timeline import Trends, WindowRecord
from trainer.monitoring.words import time_of
from trainer.statistics import wilson

# Of more labels or groups, those that are most frequent.
MAX_LINES = len(COLORS)
_NUMBERS = {
    "score": ("Scores", "median score"),
    "confidence": ("Confidence", "median confidence"),
    "tokens": ("Length of texts in tokens", "median length"),
}


@dataclass(frozen=True)
class Chart:
    """A chart with its legend.

    Attributes:
        title: above it.
        note: what is drawn.
        svg: the picture.
        legend: name and color of each line.
    """

    title: str
    note: str
    svg: str
    legend: list[tuple[str, str]]


class TaskCharts:
    """Draws the charts of a task.

    Args:
        task: the task's name.
        windows: in order, one or more.
        reference: the reference's values.
        alerts: of the monitor.
        options: of the monitor.
    """

    def __init__(
        self,
        task: str,
        windows: Sequence[WindowRecord],
        reference: Trends,
        alerts: Sequence[Alert],
        options: MonitorOptions,
    ):
        self._task, self._windows, self._reference = task, windows, reference
        self._alerts, self._options = alerts, options
        self._times = [time_of(window.start) for window in windows]

    def draw(self) -> list[Chart]:
        """Return the charts of everything that the task's answers have."""
        charts = [self._labels()] if self._reference.labels else []
        charts += [self._numbers(name) for name in _NUMBERS if self._has(name)]
        charts += self._distances()
        if any(window.feedback.get(self._task) for window in self._windows):
            charts.append(self._corrected())
        charts.append(self._truncated())
        return charts

    def _chart(
        self,
        title: str,
        note: str,
        series: list[Series],
        measure: str,
        *,
        is_share: bool = False,
        of_groups: bool = False,
    ) -> Chart:
        marked = [self._has_alert(window.number, measure, of_groups) for window in self._windows]
        description = f"{self._task}: {title}"
        svg = draw_chart(
            series, self._times, marked=marked, is_share=is_share, description=description
        )
        return Chart(title, note, svg, list(zip([s.name for s in series], COLORS, strict=False)))

    def _has_alert(self, number: int, measure: str, of_groups: bool) -> bool:
        return any(
            alert.first <= number <= alert.last
            for alert in self._alerts
            if (alert.check.task, alert.check.measure) == (self._task, measure)
            and bool(alert.check.group) == of_groups
        )

    def _values(self, value: Callable[[Trends], Value]) -> list[Value]:
        found = [window.trends.get(self._task) for window in self._windows]
        return [None if trends is None else value(trends) for trends in found]

    def _has(self, name: str) -> bool:
        return any(
            name in window.trends[self._task].quartiles
            for window in self._windows
            if self._task in window.trends
        )

    def _labels(self) -> Chart:
        shares = self._reference.labels
        names = sorted(shares, key=lambda name: -shares[name])[:MAX_LINES]
        series = [Series(name, self._values(_share_of(name)), shares[name]) for name in names]
        others = len(shares) - len(names)
        note = "Share of the answers with each label; dashed: the reference."
        note += f" {others} rarer labels are not drawn." if others else ""
        return self._chart("Predicted labels", note, series, "labels", is_share=True)

    def _numbers(self, name: str) -> Chart:
        title, middle = _NUMBERS[name]

        def quartile(which: int) -> list[Value]:
            return self._values(lambda t: t.quartiles[name][which] if name in t.quartiles else None)

        reference = self._reference.quartiles.get(name)
        line = Series(
            *(middle, quartile(1), reference[1] if reference else None, quartile(0), quartile(2))
        )
        note = "Median, and in the band the middle half of the answers; dashed: the reference."
        return self._chart(title, note, [line], name)

    def _distances(self) -> list[Chart]:
        checks = {result.check for w in self._windows for result in w.results if result.shift}
        checks = {check for check in checks if check.task == self._task}
        charts = []
        if Check(self._task, "vectors") in checks:
            line = self._distance(Check(self._task, "vectors"), "distance")
            note = (
                "How far the texts' vectors are from the reference's; dashed: the least of alerts."
            )
            charts.append(self._chart("Topics and wording", note, [line], "vectors"))
        for measure in ("labels", "score"):
            groups = sorted(c for c in checks if c.group and c.measure == measure)
            # Those that have changed most, at any time.
            groups.sort(key=lambda check: -max(v or 0.0 for v in self._effects(check)))
            lines = [self._distance(check, check.group) for check in groups[:MAX_LINES]]
            if lines:
                word = "labels" if measure == "labels" else "scores"
                note = f"Share of a group's answers with other {word} than before; dashed: alerts."
                if len(groups) > MAX_LINES:
                    note += f" {len(groups) - MAX_LINES} groups that changed less are not drawn."
                charts.append(
                    self._chart(
                        f"Groups: {word}", note, lines, measure, is_share=True, of_groups=True
                    )
                )
        return charts

    def _effects(self, check: Check) -> list[Value]:
        found = [
            {result.check: result.shift for result in window.results}.get(check)
            for window in self._windows
        ]
        return [None if shift is None else shift.effect for shift in found]

    def _distance(self, check: Check, name: str) -> Series:
        return Series(name, self._effects(check), self._options.least_effect(check.measure))

    def _corrected(self) -> Chart:
        shares: list[Value] = []
        ends: list[tuple[Value, Value]] = []
        for window in self._windows:
            trends, counts = window.trends.get(self._task), window.feedback.get(self._task)
            n = 0 if trends is None else trends.n
            corrected = 0 if counts is None else min(counts.corrected, n)
            shares.append(corrected / n if n else None)
            ends.append(wilson(corrected, n) if n else (None, None))
        line = Series(
            *("corrected", shares, None, [low for low, _ in ends], [high for _, high in ends])
        )
        note = "Share of the answers that people corrected, with its 95% interval (Wilson)."
        return self._chart("Corrected answers", note, [line], "corrected", is_share=True)

    def _truncated(self) -> Chart:
        unknown = Series(
            "unknown words", self._values(lambda t: t.unknown), self._reference.unknown
        )
        truncated = Series(
            "truncated texts", self._values(lambda t: t.truncated), self._reference.truncated
        )
        note = "Mean share of unknown words in a text, and share of truncated texts."
        return self._chart(
            "Unknown words and truncated texts",
            note,
            [unknown, truncated],
            "truncated",
            is_share=True,
        )


def _share_of(label: str) -> Callable[[Trends], Value]:
    return lambda trends: trends.labels[label]
