"""Charts of windows as SVG, without scripts and other files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 36
# Of the Okabe-Ito palette, which suits color-blind readers.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#666666", "#000000")
Value = float | None


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes:
        name: in the legend.
        values: of each window; None where there is none.
        reference: a value to compare with, drawn dashed; None without.
        low: the lower end of a band around the line; empty without.
        high: its upper end.
    """

    name: str
    values: Sequence[Value]
    reference: Value = None
    low: Sequence[Value] = ()
    high: Sequence[Value] = ()


def draw_chart(
    series: Sequence[Series],
    times: Sequence[str],
    *,
    marked: Sequence[bool],
    is_share: bool = False,
    description: str,
) -> str:
    """Return a chart with a point for each window.

    Args:
        series: the lines, at most as many as `COLORS`.
        times: of each window, for its tooltip and the axis.
        marked: the windows with a background, which are those of alerts.
        is_share: whether the values are percentages.
        description: of the chart, for screen readers.
    """
    scale = _Scale(series, len(times), is_share)
    parts = [_background(scale, index) for index, is_marked in enumerate(marked) if is_marked]
    parts += [scale.axes(times)]
    for color, line in zip(COLORS, series, strict=False):
        parts += [_band(line, scale, color), _reference(line, scale, color)]
        parts += [_line(line, scale, color), *_points(line, scale, color, times)]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(description)}">'
        f"{''.join(parts)}</svg>"
    )


class _Scale:
    """Converts windows and values to positions."""

    def __init__(self, series: Sequence[Series], count: int, is_share: bool):
        self.count, self.is_share = count, is_share
        found = [
            value
            for line in series
            for value in (*line.values, *line.low, *line.high, line.reference)
            if value is not None
        ]
        self._step = _tick_step((max([*found, 0.0]) - min([*found, 0.0])) or 1.0)
        # Whole steps around the values and 0.
        self._first = math.floor(min([*found, 0.0]) / self._step)
        self._last = max(math.ceil(max([*found, 0.0]) / self._step), self._first + 1)
        self.low, self.high = self._first * self._step, self._last * self._step

    def x(self, index: int) -> float:
        width = WIDTH - _LEFT - _RIGHT
        return round(_LEFT + width * (index + 0.5) / max(self.count, 1), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share, 1)

    def text(self, value: float) -> str:
        if not self.is_share:
            return f"{value:.3g}"
        return f"{value:.0%}" if self._step >= 0.01 else f"{value:.1%}"

    def axes(self, times: Sequence[str]) -> str:
        parts = []
        for step in range(self._first, self._last + 1):
            value = step * self._step
            y = self.y(value)
            parts.append(
                f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
                f'<text x="{_LEFT - 5}" y="{y + 4}" text-anchor="end">{self.text(value)}</text>'
            )
        ends = {0: "start", len(times) - 1: "end"} if len(times) > 1 else {0: "middle"}
        for index, anchor in ends.items():
            x = {"start": _LEFT, "end": WIDTH - _RIGHT, "middle": self.x(0)}[anchor]
            parts.append(
                f'<text x="{x}" y="{HEIGHT - 16}" text-anchor="{anchor}">'
                f"{escape(times[index])}</text>"
            )
        return "".join(parts)


def _tick_step(span: float) -> float:
    """Return 1, 2 or 5 times a power of ten, so that a span has 3 to 6 such steps."""
    power = 10.0 ** math.floor(math.log10(span / 3))
    # The tolerance is for powers that are rounded up, as with a span of 0.3.
    return power * max(factor for factor in (1, 2, 5) if factor * power <= span / 3 * (1 + 1e-9))


def _background(scale: _Scale, index: int) -> str:
    width = (WIDTH - _LEFT - _RIGHT) / scale.count
    x = round(scale.x(index) - width / 2, 1)
    height = HEIGHT - _TOP - _BOTTOM
    return f'<rect class="alert" x="{x}" y="{_TOP}" width="{width:.1f}" height="{height}"/>'


def _runs(values: Sequence[Value]) -> list[list[int]]:
    """Return the indices of values, split where there are none."""
    runs: list[list[int]] = [[]]
    for index, value in enumerate(values):
        if value is not None:
            runs[-1].append(index)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _points_text(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _line(line: Series, scale: _Scale, color: str) -> str:
    return "".join(
        f'<polyline fill="none" stroke="{color}" stroke-width="1.6" points="'
        f'{_points_text([(scale.x(i), scale.y(line.values[i] or 0.0)) for i in run])}"/>'
        for run in _runs(line.values)
        if len(run) > 1
    )


def _points(line: Series, scale: _Scale, color: str, times: Sequence[str]) -> list[str]:
    return [
        f'<circle cx="{scale.x(i)}" cy="{scale.y(value)}" r="2.4" fill="{color}">'
        f"<title>{escape(f'{line.name}, {times[i]}: {scale.text(value)}')}</title></circle>"
        for i, value in enumerate(line.values)
        if value is not None
    ]


def _band(line: Series, scale: _Scale, color: str) -> str:
    parts = []
    for run in _runs(line.low):
        lower = [(scale.x(i), scale.y(line.low[i] or 0.0)) for i in run]
        upper = [(scale.x(i), scale.y(line.high[i] or 0.0)) for i in run]
        points = _points_text([*lower, *reversed(upper)])
        parts.append(f'<polygon fill="{color}" opacity="0.15" points="{points}"/>')
    return "".join(parts)


def _reference(line: Series, scale: _Scale, color: str) -> str:
    if line.reference is None:
        return ""
    y = scale.y(line.reference)
    return (
        f'<line stroke="{color}" stroke-width="1.2" stroke-dasharray="5 4" x1="{_LEFT}" '
        f'x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
    )
