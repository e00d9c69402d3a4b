"""The figure of the learning curves of several configurations."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from trainer.evaluation.figure_files import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    new_figure,
    save_figure,
    shorten_label,
)
from trainer.search.report.comparison import Mean

MAX_CURVES = 8
# With fewer runs, whose intervals are wider than everything else, each run is a thin line.
MIN_RUNS_OF_A_BAND = 4
# The rest of the Okabe-Ito palette.
_COLORS = (BLUE, ORANGE, GREEN, PURPLE, "#E69F00", "#56B4E9", GRAY, "black")


def draw_curves(curves: Mapping[str, Mapping[int, list[float]]], metric: str, path: Path) -> bool:
    """Draw the mean of a metric against cycles, with the 95% interval of the mean as a band.

    With few runs, they are drawn themselves in place of the band.

    Args:
        curves: name -> cycle -> the value of each run; at most eight.
        metric: the name of what is drawn.
        path: the PNG file to write.

    Returns:
        Whether there was a curve of at least two points.
    """
    drawn = {name: curve for name, curve in curves.items() if len(curve) > 1}
    if not drawn:
        return False
    figure = new_figure(8.5, 4.8)
    axes = figure.subplots()
    for color, (name, curve) in zip(_COLORS, drawn.items(), strict=False):
        means = [Mean.of(values) for values in curve.values()]
        runs = f"{means[0].runs} run{'' if means[0].runs == 1 else 's'}"
        label = f"{shorten_label(name)} ({runs})"
        axes.plot(list(curve), [mean.value for mean in means], color=color, label=label)
        if 1 < means[0].runs < MIN_RUNS_OF_A_BAND:
            axes.plot(list(curve), list(curve.values()), color=color, alpha=0.4, linewidth=0.8)
        elif means[0].low is not None:
            ends = np.array([(mean.low, mean.high) for mean in means], dtype=float).T
            axes.fill_between(list(curve), ends[0], ends[1], color=color, alpha=0.15, linewidth=0)
    # By the runs, since a band may be much wider.
    values = np.concatenate([np.ravel(each) for curve in drawn.values() for each in curve.values()])
    margin = 0.1 * (np.ptp(values) or 1.0)
    axes.set_ylim(values.min() - margin, values.max() + margin)
    axes.set_xlabel("cycle")
    axes.set_ylabel(metric.removeprefix("eval_"), parse_math=False)
    axes.grid(alpha=0.25)
    legend = axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    for text in legend.get_texts():
        text.set_parse_math(False)
    save_figure(figure, path)
    return True
