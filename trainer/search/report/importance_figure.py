"""The figure of the importance of options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.evaluation.figure_files import BLUE, GRAY, new_figure, save_figure, shorten_label


def draw_importance(found: Mapping[str, Any] | None, path: Path) -> bool:
    """Draw a bar for each option.

    Args:
        found: of `importance_of`.
        path: the PNG file to write.

    Returns:
        Whether there was something to draw.
    """
    if found is None:
        return False
    names, values = list(found["options"]), list(found["options"].values())
    figure = new_figure(7.0, 1.3 + 0.4 * len(names))
    axes = figure.subplots()
    colors = [GRAY if name == "seed" else BLUE for name in names]
    axes.barh(range(len(names)), values, color=colors)
    labels = [shorten_label(name.removeprefix("tasks.")) for name in names]
    axes.set_yticks(range(len(names)), labels, parse_math=False)
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(f"fall of the forest's R², which is {found['r2']:.2f}, when permuted")
    axes.grid(axis="x", alpha=0.25)
    save_figure(figure, path)
    return True
