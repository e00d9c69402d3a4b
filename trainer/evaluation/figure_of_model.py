"""A diagram of a model: inputs, encoder, adapters and heads."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.evaluation.figure_files import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    new_figure,
    save_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_LINE_LENGTH = 26
_ROW = 1.15
# An input and the heads that take it have the same color.
_INPUT_COLORS = (GREEN, PURPLE, GRAY)
# Left edges and widths of the columns, in inches.
_INPUTS, _ENCODER, _ADAPTERS, _HEADS = (0.0, 2.1), (2.8, 2.4), (5.6, 1.6), (7.6, 3.2)


@dataclass
class DrawnTask:
    """The labels of one task in the diagram.

    Attributes:
        name: the task's name.
        input: its input, such as `one text`; tasks with the same input share a box.
        head: its head, such as `classification, 5 labels`.
        size: the head's size, such as `1.2K parameters`.
        adapter: its adapter, such as `LoRA, rank 8`, or None.
    """

    name: str
    input: str
    head: str
    size: str
    adapter: str | None = None


def draw_model(encoder: list[str], tasks: list[DrawnTask], path: str | Path) -> None:
    """Draw a model from left to right: inputs, encoder, adapters, heads.

    Args:
        encoder: the lines of the encoder's box.
        tasks: the tasks, from top to bottom.
        path: the PNG file to write; missing folders are created.

    Raises:
        ValueError: if there is no task.
    """
    if not tasks:
        raise ValueError("A diagram of a model needs at least one task.")
    height = max(_ROW * len(tasks), 2.0)
    width = _HEADS[0] + _HEADS[1]
    figure = new_figure(width * 0.85, height * 0.85 + 0.3)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(-0.1, width + 0.1)
    axes.set_ylim(-0.1, height + 0.1)
    _box(axes, _ENCODER, height / 2, height - 0.2, encoder, BLUE)
    inputs = list(dict.fromkeys(task.input for task in tasks))
    colors = {name: _INPUT_COLORS[i % len(_INPUT_COLORS)] for i, name in enumerate(inputs)}
    for y, name in zip(_row_centers(len(inputs), height), inputs, strict=True):
        _box(axes, _INPUTS, y, 0.6, [name], colors[name])
        _arrow(axes, sum(_INPUTS), _ENCODER[0], y)
    for y, task in zip(_row_centers(len(tasks), height), tasks, strict=True):
        start = sum(_ENCODER)
        if task.adapter is not None:
            _box(axes, _ADAPTERS, y, 0.6, [task.adapter, "in the encoder"], ORANGE)
            _arrow(axes, start, _ADAPTERS[0], y)
            start = sum(_ADAPTERS)
        _arrow(axes, start, _HEADS[0], y)
        lines = [task.name, f"from {task.input}", task.head, task.size]
        _box(axes, _HEADS, y, 0.9, lines, colors[task.input])
    save_figure(figure, path)


def count_text(count: int) -> str:
    """Format a number of parameters: 950, 1.2K, 22.7M."""
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)


def _row_centers(count: int, height: float) -> list[float]:
    """Return the centers of `count` rows of equal height, from top to bottom."""
    return [height * (1 - (row + 0.5) / count) for row in range(count)]


def _box(
    axes: "Axes",
    column: tuple[float, float],
    center: float,
    height: float,
    lines: list[str],
    color: str,
) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, width = column
    shape = "round,pad=0,rounding_size=0.08"
    corner = (left, center - height / 2)
    axes.add_patch(
        FancyBboxPatch(corner, width, height, shape, facecolor=f"{color}22", edgecolor=color)
    )
    text = "\n".join(_truncate(line) for line in lines)
    axes.text(
        left + width / 2, center, text, ha="center", va="center", fontsize=8.5, parse_math=False
    )


def _truncate(line: str) -> str:
    return line if len(line) <= _MAX_LINE_LENGTH else line[: _MAX_LINE_LENGTH - 1] + "…"


def _arrow(axes: "Axes", start: float, end: float, y: float) -> None:
    arrow = {"arrowstyle": "-|>", "color": GRAY, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=(end, y), xytext=(start, y), arrowprops=arrow)
