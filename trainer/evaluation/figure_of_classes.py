"""The figure of a multi-label task: the scores of each class."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.evaluation.figure_files import (
    BLUE,
    GREEN,
    ORANGE,
    new_figure,
    save_figure,
    shorten_label,
)

_COLORS = {"precision": BLUE, "recall": ORANGE, "f1": GREEN}


def draw_classes(report: Mapping[str, Any], title: str, path: str | Path) -> None:
    """Draw precision, recall and F1 of each class, with its number of rows.

    Args:
        report: the result of `multi_label_report`.
        title: the title above the plot.
        path: the PNG file to write; missing folders are created.
    """
    classes = report["per_class"]
    figure = new_figure(6.4, min(2.0 + 0.35 * len(classes), 20.0))
    axes = figure.subplots()
    for offset, (metric, color) in enumerate(_COLORS.items()):
        positions = [index + 0.25 * (offset - 1) for index in range(len(classes))]
        values = [scores[metric] for scores in classes.values()]
        axes.scatter(values, positions, color=color, s=18, label=metric, zorder=2)
    names = [f"{shorten_label(name)} ({classes[name]['support']:,})" for name in classes]
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("0 to 1")
    axes.set_ylabel("class (rows with it)")
    axes.grid(alpha=0.25, zorder=1)
    figure.legend(loc="outside lower center", ncols=len(_COLORS), fontsize="small")
    axes.set_title(title, parse_math=False)
    save_figure(figure, path)
