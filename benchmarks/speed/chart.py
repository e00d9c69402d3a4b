"""The figure of a benchmark: bars in groups, named for a reader who has not run it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.speed.arithmetic import Spread
from benchmarks.speed.findings import Findings
from benchmarks.speed.training import OURS, SAME_LIBRARY
from trainer.evaluation.figure_files import AMBER, BLUE, GRAY, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Bar = tuple[str, str, Spread]  # its label, color and value
# Title of a group of ways of inference -> a way in the findings, and its label.
INFERENCE = {
    "Three tasks of one text": {
        "hybrid-mtl: three heads": "hybrid-mtl, one model",
        "hybrid-mtl: three models of ours": "hybrid-mtl, three models",
        "transformers: three models": "transformers, three models",
    },
    "Three tasks of a pair of texts": {
        "hybrid-mtl: default tasks": "hybrid-mtl, one model",
        "transformers: three models on pairs": "transformers, three models",
    },
    "Sentence vectors": {
        "hybrid-mtl: embed": "hybrid-mtl",
        "sentence-transformers: embed": "sentence-transformers",
    },
    "One task of one text": {
        "hybrid-mtl: torch": "hybrid-mtl, torch",
        "hybrid-mtl: float": "hybrid-mtl, ONNX, float",
        "hybrid-mtl: int8": "hybrid-mtl, ONNX, int8",
    },
}
PREDICTION = "inference (rows/s)"


def draw(findings: Findings, path: Path) -> None:
    """Draw the speeds of all contenders with their ranges, in a panel for each group."""
    panels = [panel for name, series in findings.series.items() for panel in groups(name, series)]
    heights = [len(bars) + 1.2 for _, _, bars in panels]
    figure = new_figure(8.0, 0.9 + 0.33 * sum(heights))
    all_axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, unit, bars) in zip(all_axes, panels, strict=True):
        _draw_panel(axes, f"{title}: {unit}, more is better", bars)
    _add_legend(all_axes[0], {color for _, _, bars in panels for _, color, _ in bars})
    save_figure(figure, path)


def groups(name: str, series: dict[str, Spread]) -> Iterator[tuple[str, str, list[Bar]]]:
    """Yield the panels of a series: title, unit, and the bars from the top.

    Args:
        name: of the series, with its unit in parentheses.
        series: contender -> its speed.
    """
    title, _, unit = name.partition(" (")
    unit = unit.rstrip(")").replace("/s", " per second")
    if name != PREDICTION:
        yield title.capitalize(), unit, [(_label(n), _color(n), s) for n, s in _ordered(series)]
        return
    for group, labels in INFERENCE.items():
        bars = [(labels[n], _color(n), series[n]) for n in labels if n in series]
        if bars:
            yield group, unit, bars


def _ordered(series: dict[str, Spread]) -> list[tuple[str, Spread]]:
    """Put the two bars of each contender side by side, without and with the same library."""
    first = {name: i for i, name in enumerate(series)}
    return sorted(series.items(), key=lambda item: first[item[0].removesuffix(SAME_LIBRARY)])


def _label(name: str) -> str:
    return name.replace(SAME_LIBRARY, " with oneDNN")


def _color(name: str) -> str:
    if name.startswith(OURS):
        return BLUE
    return AMBER if name.endswith(SAME_LIBRARY) else GRAY


def _draw_panel(axes: "Axes", title: str, bars: list[Bar]) -> None:
    values = [spread.median for _, _, spread in bars]
    low = [spread.median - spread.low for _, _, spread in bars]
    high = [spread.high - spread.median for _, _, spread in bars]
    positions = range(len(bars))
    axes.barh(positions, values, xerr=[low, high], color=[color for _, color, _ in bars], capsize=3)
    largest = max(spread.high for _, _, spread in bars)
    for position, (_, _, spread) in zip(positions, bars, strict=True):
        axes.text(spread.high + 0.015 * largest, position, f"{spread.median:,.0f}", va="center")
    axes.set_yticks(positions, [label for label, _, _ in bars], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * largest)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, fontsize=10, loc="left")


def _add_legend(axes: "Axes", colors: set[str]) -> None:
    from matplotlib.patches import Patch

    names = {BLUE: "hybrid-mtl", GRAY: "others", AMBER: "others, with oneDNN as in hybrid-mtl"}
    handles = [Patch(color=color, label=name) for color, name in names.items() if color in colors]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize="small")
