"""Heat maps of a grid of two or three options."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.evaluation.figure_files import new_figure, save_figure, shorten_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL = 3.2  # inches


def draw_heat_maps(content: Mapping[str, Any], metric: str, path: Path) -> bool:
    """Draw the mean of a metric for each combination of values.

    The first option is on the vertical axis, the second on the horizontal one; a third has a panel
    for each of its values. Variants are below one another. All panels share one scale of colors.

    Args:
        content: of `study_content`.
        metric: to draw.
        path: the PNG file to write.

    Returns:
        Whether there was something to draw: two or three options, each with several values, of
        whose combinations at least half were trained.
    """
    means = _means(content, metric)
    values = _values(content)
    if len(values) not in (2, 3) or not means:
        return False
    panels = [[value] for value in values[2]] if len(values) == 3 else [[]]
    variants = list(dict.fromkeys(variant for variant, *_ in means))
    cells = len(values[0]) * len(values[1]) * len(panels) * len(variants)
    if len(means) < cells / 2:
        return False
    figure = new_figure(1.6 + _PANEL * len(panels), 0.9 + _PANEL * len(variants))
    grid = figure.subplots(len(variants), len(panels), squeeze=False)
    limits = min(means.values()), max(means.values())
    options = [option.removeprefix("tasks.") for option in content["space"]]
    for (row, column), axes in np.ndenumerate(grid):
        variant, third = variants[row], panels[column]
        found = [[means.get((variant, y, x, *third)) for x in values[1]] for y in values[0]]
        _draw_panel(axes, np.array(found, dtype=float), values, limits)
        title = [shorten_label(variant)] if variant else []
        title += [f"{options[2]} {value}" for value in third]
        axes.set_title(", ".join(title), fontsize="medium", parse_math=False)
        axes.set_ylabel(options[0] if column == 0 else "", parse_math=False)
        axes.set_xlabel(options[1] if row == len(variants) - 1 else "", parse_math=False)
    figure.colorbar(grid[0, 0].images[0], ax=grid, label=metric.removeprefix("eval_"), shrink=0.8)
    save_figure(figure, path)
    return True


def _means(content: Mapping[str, Any], metric: str) -> dict[tuple[str, ...], float]:
    """Return (variant, value of each option) -> mean."""
    found = {}
    for row in content["rows"]:
        if metric in row["metrics"] and not row["combines"]:
            values = (str(row["values"].get(option)) for option in content["space"])
            found[row["variant"], *values] = row["metrics"][metric]["value"]
    return found


def _values(content: Mapping[str, Any]) -> list[list[str]]:
    """Return the values of each option in their order, as text."""
    found: list[list[str]] = []
    for option in content["space"]:
        values = [row["values"].get(option) for row in content["rows"]]
        if all(isinstance(value, (int, float)) for value in values):
            values = sorted(values)
        found.append(list(dict.fromkeys(map(str, values))))
    return found


def _draw_panel(
    axes: "Axes",
    means: np.ndarray,
    values: Sequence[Sequence[str]],
    limits: tuple[float, float],
) -> None:
    low, high = limits
    axes.imshow(means, cmap="viridis", vmin=low, vmax=high, aspect="auto")
    axes.set_xticks(range(len(values[1])), [shorten_label(v) for v in values[1]], parse_math=False)
    axes.set_yticks(range(len(values[0])), [shorten_label(v) for v in values[0]], parse_math=False)
    for (row, column), mean in np.ndenumerate(means):
        dark = mean < (low + high) / 2
        text = "" if np.isnan(mean) else f"{mean:.3f}"
        axes.text(column, row, text, ha="center", va="center", color="white" if dark else "black")
