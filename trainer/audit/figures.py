"""The figures of an audit, as PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.audit.counterfactuals import AxisResult
from trainer.audit.subgroups import Comparison
from trainer.evaluation.figure_files import (
    BLUE,
    GRAY,
    ORANGE,
    new_figure,
    save_figure,
    shorten_label,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of groups, those with the most rows.
MAX_GROUPS = 30


def draw_groups(comparisons: Sequence[Comparison], title: str, path: str | Path) -> None:
    """Draw the difference of each tested group to all other rows, a panel for each measure.

    Of several classes, only the accuracy is drawn.

    Args:
        comparisons: of a task; one or more are tested.
        title: the title above the panels.
        path: the PNG file to write; missing folders are created.
    """
    tested = [each for each in comparisons if each.difference is not None]
    labels = {each.measure.label for each in tested} - {None}
    drawn = [each for each in tested if each.measure.label is None or len(labels) == 1]
    sizes = {each.group.name: int(each.group.members.sum()) for each in drawn}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:MAX_GROUPS]
    names = [name for name in sizes if name in largest]
    measures = list(dict.fromkeys((each.measure.name, each.measure.label) for each in drawn))
    figure = new_figure(2.6 + 2.6 * len(measures), 1.8 + 0.3 * len(names))
    panels = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for axes, (measure, label) in zip(panels, measures, strict=True):
        rows = [
            each for each in drawn if (each.measure.name, each.measure.label) == (measure, label)
        ]
        for each in rows:
            if each.group.name in names:
                _draw_difference(axes, names.index(each.group.name), each)
        words = measure.replace("_", " ")
        axes.set_xlabel(words if label is None else f"{words}\nof {shorten_label(label)}")
        axes.axvline(0, color=GRAY, linewidth=0.8)
        axes.grid(alpha=0.25, axis="x")
    rows_of = [f"{shorten_label(name)} ({sizes[name]:,})" for name in names]
    panels[0].set_yticks(range(len(names)), rows_of, parse_math=False)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(title, parse_math=False, fontsize="medium")
    _add_legend(panels[0])
    save_figure(figure, path)


def _draw_difference(axes: "Axes", position: int, comparison: Comparison) -> None:
    difference = comparison.difference
    if difference is not None:
        color = ORANGE if comparison.is_finding else BLUE
        axes.plot(difference.interval, [position, position], color=color, linewidth=1.5)
        axes.plot([difference.value], [position], "o", color=color, markersize=4)


def _add_legend(axes: "Axes") -> None:
    from matplotlib.lines import Line2D

    styles = {"p < 0.05 after Holm": ORANGE, "p ≥ 0.05": BLUE}
    handles = [
        Line2D([], [], color=color, marker="o", label=name) for name, color in styles.items()
    ]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize="small")


def draw_terms(results: Sequence[AxisResult], title: str, path: str | Path) -> None:
    """Draw how often decisions change, and by how much scores shift, for each axis of terms.

    Args:
        results: of a task, one or more.
        title: the title above the panels.
        path: the PNG file to write; missing folders are created.
    """
    has_flips = results[0].flip_rate is not None
    count = 1 + has_flips
    figure = new_figure(2.8 + 2.8 * count, 1.6 + 0.3 * len(results))
    panels = figure.subplots(1, count, sharey=True, squeeze=False)[0]
    for position, result in enumerate(results):
        if result.flip_rate is not None:
            _draw_share(panels[0], position, result.flip_rate, result.flip_interval)
        _draw_share(panels[-1], position, result.mean_shift, result.shift_interval)
    if has_flips:
        panels[0].set_xlabel("share of decisions that change")
    panels[-1].set_xlabel("mean shift of a probability" if has_flips else "mean shift / range")
    for axes in panels:
        axes.set_xlim(left=0)
        axes.grid(alpha=0.25, axis="x")
    is_single = len({result.side for result in results}) == 1
    names = [each.axis if is_single else f"{each.axis}, {each.side}" for each in results]
    panels[0].set_yticks(range(len(names)), names, parse_math=False)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(title, parse_math=False, fontsize="medium")
    save_figure(figure, path)


def _draw_share(
    axes: "Axes", position: int, value: float, interval: tuple[float, float] | None
) -> None:
    if interval is not None:
        axes.plot(interval, [position, position], color=BLUE, linewidth=1.5)
    axes.plot([value], [position], "o", color=BLUE, markersize=4)
