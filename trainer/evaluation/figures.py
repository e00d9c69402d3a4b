"""The figures of a task's predictions, as PNG files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from trainer.evaluation.figure_files import (
    BLUE,
    GRAY,
    ORANGE,
    new_figure,
    save_figure,
    shorten_label,
)
from trainer.evaluation.pairs import paired_scores
from trainer.evaluation.report import regression_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_CLASSES_WITH_COUNTS = 20


def draw_confusion_matrix(report: Mapping[str, Any], title: str, path: str | Path) -> None:
    """Draw a confusion matrix.

    The color is the share of the true class (each row sums to 1), which keeps rare classes
    legible; the numbers are counts, omitted above 20 classes.

    Args:
        report: the result of `classification_report`.
        title: the title above the matrix.
        path: the PNG file to write; missing folders are created.
    """
    counts = np.asarray(report["confusion_matrix"])
    names = [shorten_label(name) for name in report["labels"]]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with_counts = len(names) <= _MAX_CLASSES_WITH_COUNTS
    side = min(max(4.0, 2.5 + (0.75 if with_counts else 0.3) * len(names)), 16.0)
    figure = new_figure(side + 0.9, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class (0 to 1)", shrink=0.8)
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=35, ha="right", rotation_mode="anchor", parse_math=False)
    axes.set_yticks(ticks, names, parse_math=False)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.set_title(title, parse_math=False)
    if with_counts:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    save_figure(figure, path)


def draw_scatter(
    predictions: ArrayLike,
    labels: ArrayLike,
    score_range: tuple[float, float],
    title: str,
    path: str | Path,
) -> None:
    """Draw predicted against true scores, with the mean of each band of true scores.

    Args:
        predictions: predicted scores, (N,).
        labels: true scores, (N,), within the range.
        score_range: lowest and highest score of the task.
        title: the title above the plot.
        path: the PNG file to write; missing folders are created.

    Raises:
        ValueError: as `regression_report`.
    """
    report = regression_report(predictions, labels, score_range)
    predicted, true = paired_scores(predictions, labels)
    low, high = score_range
    bands = [band for band in report["bands"] if band["count"]]
    figure = new_figure(5.6, 5.4)
    axes = figure.subplots()
    # Many points overlap, so they are more transparent.
    alpha = float(np.clip(400 / len(true), 0.2, 0.8))
    axes.scatter(true, predicted, s=14, color=BLUE, alpha=alpha, linewidths=0)
    axes.scatter([], [], s=14, color=BLUE, label="examples")  # solid in the legend
    axes.plot([low, high], [low, high], color=GRAY, linestyle="--", label="predicted = true")
    axes.plot(
        [band["mean_label"] for band in bands],
        [band["mean_prediction"] for band in bands],
        color=ORANGE,
        marker="o",
        label="mean of a band",
    )
    _set_score_axes(axes, predicted, low, high)
    axes.set_title(title, parse_math=False)
    save_figure(figure, path)


def _set_score_axes(axes: "Axes", predicted: np.ndarray, low: float, high: float) -> None:
    margin = 0.03 * (high - low)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(min(low, predicted.min()) - margin, max(high, predicted.max()) + margin)
    axes.set_xlabel(f"true score ({low:g} to {high:g})")
    axes.set_ylabel(f"predicted score ({low:g} to {high:g})")
    axes.grid(alpha=0.25)
    axes.legend(loc="upper left", fontsize="small")
