"""A picture of a model: its inputs, its encoder, its adapters and its heads."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.evaluation.figure_files import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    new_figure,
    save_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LETTERS = 26
_ROW = 1.15
# Of the inputs and of the heads that read them.
_WAYS = (GREEN, PURPLE, GREY)
# Left edges and widths of the columns, in inches.
_INPUTS, _ENCODER, _ADAPTERS, _HEADS = (0.0, 2.1), (2.8, 2.4), (5.6, 1.6), (7.6, 3.2)


@dataclass
class DrawnTask:
    """A task as the picture shows it.

    Attributes:
        name: the task's.
        reads: how its texts are put in, such as `one text`; one box for each such way.
        head: what its head is, such as `classification, 5 labels`.
        size: of the head, such as `1.2K parameters`.
        adapter: what its adapter is, such as `LoRA, rank 8`; None if it has none.
    """

    name: str
    reads: str
    head: str
    size: str
    adapter: str | None = None


def draw_model(encoder: list[str], tasks: list[DrawnTask], path: str | Path) -> None:
    """Draw a model from left to right: inputs, encoder, adapters, heads.

    Args:
        encoder: the lines of the encoder's box.
        tasks: in the order from top to bottom.
        path: The PNG file to write; missing folders are made.

    Raises:
        ValueError: There is no task.
    """
    if not tasks:
        raise ValueError("A picture of a model needs at least one task.")
    height = max(_ROW * len(tasks), 2.0)
    width = _HEADS[0] + _HEADS[1]
    figure = new_figure(width * 0.85, height * 0.85 + 0.3)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(-0.1, width + 0.1)
    axes.set_ylim(-0.1, height + 0.1)
    middle = height / 2
    tall = height - 0.2
    _box(axes, _ENCODER, middle, tall, encoder, BLUE)
    ways = list(dict.fromkeys(task.reads for task in tasks))
    # A head has the colour of the texts that it answers.
    colors = {way: _WAYS[index % len(_WAYS)] for index, way in enumerate(ways)}
    for place, way in zip(_rows(len(ways), height), ways, strict=True):
        _box(axes, _INPUTS, place, 0.6, [way], colors[way])
        _arrow(axes, sum(_INPUTS), _ENCODER[0], place)
    for place, task in zip(_rows(len(tasks), height), tasks, strict=True):
        begin = sum(_ENCODER)
        if task.adapter is not None:
            _box(axes, _ADAPTERS, place, 0.6, [task.adapter, "in the encoder"], ORANGE)
            _arrow(axes, begin, _ADAPTERS[0], place)
            begin = sum(_ADAPTERS)
        _arrow(axes, begin, _HEADS[0], place)
        lines = [task.name, f"from {task.reads}", task.head, task.size]
        _box(axes, _HEADS, place, 0.9, lines, colors[task.reads])
    save_figure(figure, path)


def count_text(count: int) -> str:
    """A number of parameters in short: 950, 1.2K, 22.7M."""
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)


def _rows(count: int, height: float) -> list[float]:
    """The middles of so many rows of equal height, from top to bottom."""
    return [height * (1 - (row + 0.5) / count) for row in range(count)]


def _box(
    axes: "Axes",
    column: tuple[float, float],
    middle: float,
    height: float,
    lines: list[str],
    color: str,
) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, width = column
    shape = "round,pad=0,rounding_size=0.08"
    corner = (left, middle - height / 2)
    axes.add_patch(
        FancyBboxPatch(corner, width, height, shape, facecolor=f"{color}22", edgecolor=color)
    )
    text = "\n".join(_short(line) for line in lines)
    axes.text(
        left + width / 2, middle, text, ha="center", va="center", fontsize=8.5, parse_math=False
    )


def _short(line: str) -> str:
    return line if len(line) <= _MOST_LETTERS else line[: _MOST_LETTERS - 1] + "…"


def _arrow(axes: "Axes", begin: float, end: float, height: float) -> None:
    arrow = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=(end, height), xytext=(begin, height), arrowprops=arrow)
