"""The figure of the differences to the baseline."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

from trainer.evaluation.figure_files import BLUE, GRAY, GREEN, ORANGE, new_figure, save_figure

_COLORS = {"better": GREEN, "worse": ORANGE}
_LABEL_WIDTH = 40  # characters


def draw_differences(content: Mapping[str, Any], path: Path) -> bool:
    """Draw each row's difference to the baseline, with its interval.

    Args:
        content: of `study_content`.
        path: the PNG file to write.

    Returns:
        Whether there are differences.
    """
    rows = [row for row in content["rows"] if row["difference"]]
    if not rows:
        return False
    figure = new_figure(8.0, 1.3 + 0.5 * len(rows))
    axes = figure.subplots()
    axes.axvline(0, color=GRAY, linewidth=1)
    for place, row in enumerate(rows):
        found = row["difference"]
        color = _COLORS.get(found["verdict"], BLUE)
        if found["low"] is not None:
            axes.plot([found["low"], found["high"]], [place, place], color=color, linewidth=2)
        axes.plot(found["value"], place, "o", color=color)
    names = [fill(row["name"], _LABEL_WIDTH) for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize="small", parse_math=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    metric = content["metric"].removeprefix("eval_")
    direction = "right" if content["greater_is_better"] else "left"
    axes.set_xlabel(
        f"{metric}: difference to {content['baseline']}, 95% interval ({direction} is better)",
        parse_math=False,
    )
    axes.grid(axis="x", alpha=0.25)
    save_figure(figure, path)
    return True
