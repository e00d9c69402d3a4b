"""Parallel coordinates: each run's values and its score as a line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.evaluation.figure_files import new_figure, save_figure, shorten_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_TICKS = 8


def draw_coordinates(content: Mapping[str, Any], logarithmic: Sequence[str], path: Path) -> bool:
    """Draw a line for each run over an axis for each option, and the score's on the right.

    Args:
        content: of `study_content`.
        logarithmic: the options whose axis is logarithmic.
        path: the PNG file to write.

    Returns:
        Whether there was something to draw: two options or more, and two
            runs that were trained to the end.
    """
    runs = [r for r in content["runs"] if r["score"] is not None and r["paused"] is None]
    columns: dict[str, list[Any]] = {"variant": [run["variant"] for run in runs]}
    columns |= {option: [run["values"].get(option) for run in runs] for option in content["space"]}
    columns = {name: values for name, values in columns.items() if len(set(map(str, values))) > 1}
    if len(columns) < 2 or len(runs) < 2:
        return False
    columns[content["metric"].removeprefix("eval_")] = scores = [run["score"] for run in runs]
    figure = new_figure(1.8 + 1.9 * len(columns), 4.8)
    axes = figure.subplots()
    scales = [_scale(values, name in logarithmic) for name, values in columns.items()]
    heights = [height for height, _ in scales]
    for place, (_, ticks) in enumerate(scales):
        _draw_axis(axes, place, ticks)
    # From the worst to the best, so that the best are on top.
    sign = 1 if content["greater_is_better"] else -1
    for index in np.argsort(sign * np.array(scores), kind="stable"):
        quality = heights[-1][index] if sign > 0 else 1 - heights[-1][index]
        line = [height[index] for height in heights]
        axes.plot(range(len(line)), line, color=_color(quality), alpha=0.75, linewidth=1.3)
    names = [shorten_label(name.removeprefix("tasks.")) for name in columns]
    axes.set_xticks(range(len(names)), names, rotation=15, ha="center", parse_math=False)
    axes.set_xlim(-0.1, len(names) - 0.6)
    axes.set_yticks([])
    for side in ("top", "bottom", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.set_title("A line for each run; yellow is best", fontsize="medium")
    save_figure(figure, path)
    return True


def _draw_axis(axes: "Axes", place: int, ticks: Mapping[str, float]) -> None:
    axes.axvline(place, color="black", linewidth=0.8)
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1}
    for text, height in ticks.items():
        axes.text(place, height, f" {text}", fontsize="small", bbox=box, parse_math=False)


def _color(quality: float) -> Any:
    from matplotlib import colormaps

    return colormaps["viridis"](quality)


def _scale(values: Sequence[Any], logarithmic: bool) -> tuple[list[float], dict[str, float]]:
    """Return each value's height from 0 to 1, and label -> height of the axis's ticks."""
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        numbers = np.log(values) if logarithmic else np.array(values, dtype=float)
        low, span = numbers.min(), np.ptp(numbers) or 1.0
        heights = [float(height) for height in (numbers - low) / span]
        labels = [f"{value:.4g}" for value in values]
    else:
        labels = [shorten_label(str(value)) for value in values]
        places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
        heights = [places[label] / max(len(places) - 1, 1) for label in labels]
    ticks = dict(sorted(zip(labels, heights, strict=True), key=lambda item: item[1]))
    if len(ticks) > _MAX_TICKS:
        ends = [min(ticks, key=ticks.__getitem__), max(ticks, key=ticks.__getitem__)]
        ticks = {label: ticks[label] for label in ends}
    return heights, ticks
