"""The figures of a run, as PNG files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from trainer.evaluation.figure_files import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    new_figure,
    save_figure,
    shorten_label,
)
from trainer.evaluation.metrics import axis_label
from trainer.evaluation.overall import ScorePart, scored
from trainer.evaluation.pairs import paired_scores
from trainer.evaluation.report import regression_report
from trainer.registry import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_CLASSES_WITH_COUNTS = 20
_TRAINING: dict[str, Any] = {"label": "training", "color": BLUE, "linewidth": 1.2}
_EVALUATION: dict[str, Any] = {
    "label": "evaluation",
    "color": ORANGE,
    "marker": "o",
    "markersize": 4,
}
_OVERALL: dict[str, Any] = {
    "label": "overall score",
    "color": GREEN,
    "marker": "s",
    "markersize": 4,
}


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


def draw_learning_curves(
    log_history: Sequence[Mapping[str, Any]],
    tasks: Mapping[str, ScorePart],
    path: str | Path,
) -> None:
    """Draw each task's losses (upper row) and main metric (lower row) against optimizer steps.

    The last column holds the legend and the overall score. A panel without logged values is
    marked as such. Every axis starts at zero, and a metric's ends at its best value, so that
    small changes look small. Dotted lines separate the phases of training.

    Args:
        log_history: `TrainerState.log_history`: entries with `step` and any of `loss/{task}`,
            `eval_{task}_loss`, `eval_{task}_{main metric}`, `eval_overall` and `phase`.
        tasks: task -> its part in the overall score; one column each.
        path: the PNG file to write; missing folders are created.

    Raises:
        ValueError: if there is no task.
    """
    if not tasks:
        raise ValueError("Learning curves need at least one task.")
    figure = new_figure(3.3 * (len(tasks) + 1), 5.6)
    grid = figure.subplots(2, len(tasks) + 1, sharex=True, squeeze=False)
    for column, (task, part) in enumerate(tasks.items()):
        _draw_task(grid[:, column], log_history, task, part)
    legend_axes, overall = grid[:, -1]
    _draw_legend(legend_axes)
    _draw_lines(overall, log_history, {"eval_overall": _OVERALL}, "overall score (0 to 1)")
    _start_at_zero(overall, best=1)
    main = {task: part for task, part in tasks.items() if not part.auxiliary}
    title = "all tasks" if len(main) == len(tasks) else "all but the auxiliary tasks"
    overall.set_title(title if scored(main) == main else ", ".join(scored(main)), parse_math=False)
    for axes in grid[1]:
        axes.set_xlabel("optimizer step")
    for axes in (*grid[0, :-1], *grid[1]):
        for step in _phase_ends(log_history):
            axes.axvline(step, color=GRAY, linewidth=0.8, linestyle=":")
    save_figure(figure, path)


def _draw_task(
    column: np.ndarray,
    log_history: Sequence[Mapping[str, Any]],
    task: str,
    part: ScorePart,
) -> None:
    upper, lower = column
    lines = {f"loss/{task}": _TRAINING, f"eval_{task}_loss": _EVALUATION}
    _draw_lines(upper, log_history, lines, "mean loss of an example")
    _start_at_zero(upper)
    upper.set_title(f"{task} (auxiliary)" if part.auxiliary else task, parse_math=False)
    _draw_lines(
        lower, log_history, {f"eval_{task}_{part.metric}": _EVALUATION}, axis_label(part.metric)
    )
    _start_at_zero(lower, best=1 if METRICS.entry(part.metric).greater_is_better else None)


def _draw_legend(axes: "Axes") -> None:
    from matplotlib.lines import Line2D

    axes.set_axis_off()
    styles = (_TRAINING, _EVALUATION, _OVERALL)
    axes.legend(handles=[Line2D([], [], **style) for style in styles], loc="center")


def _start_at_zero(axes: "Axes", best: float | None = None) -> None:
    """Start the vertical axis at zero, or below if a value is negative, and end it at the best."""
    if not axes.lines:
        return
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    top = 1.08 * values.max() if best is None and values.max() > 0 else best
    axes.set_ylim(bottom=None if values.min() < 0 else 0, top=top)


def _phase_ends(log_history: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the last step of every phase except the last."""
    last_steps = {entry["phase"]: entry["step"] for entry in log_history if "phase" in entry}
    return list(last_steps.values())[:-1]


def draw_gradient_cosines(
    log_history: Sequence[Mapping[str, Any]], pairs: Mapping[str, str], path: str | Path
) -> None:
    """Draw the cosines of each two tasks' gradients against optimizer steps.

    Args:
        log_history: `TrainerState.log_history`.
        pairs: logged name -> its label in the legend, such as `sentiment, paraphrase`.
        path: the PNG file to write; missing folders are created.
    """
    figure = new_figure(7.5, 4.0)
    axes = figure.subplots()
    axes.axhline(0, color=GRAY, linewidth=0.8)
    markers = ("o", "s", "^", "D", "v", "P")
    styles = {
        name: {"label": label, "marker": markers[i % len(markers)], "markersize": 3}
        for i, (name, label) in enumerate(pairs.items())
    }
    _draw_lines(axes, log_history, styles, "cosine of the gradients (-1 to 1)")
    axes.set_xlabel("optimizer step")
    axes.set_title("Below zero two tasks pull the encoder apart", parse_math=False)
    axes.legend(loc="best")
    save_figure(figure, path)


def _draw_lines(
    axes: "Axes",
    log_history: Sequence[Mapping[str, Any]],
    styles: Mapping[str, Mapping[str, Any]],
    unit: str,
) -> None:
    """Draw a line for each logged name in `styles`."""
    axes.set_ylabel(unit)
    axes.grid(alpha=0.25)
    drawn = False
    for name, style in styles.items():
        # Keep the first value at a step: the best checkpoint, evaluated again after training, is
        # logged at the last step, where it would look like a jump.
        points: dict[float, float] = {}
        for entry in log_history:
            if name in entry:
                points.setdefault(entry["step"], entry[name])
        if points:
            steps = sorted(points)
            axes.plot(steps, [points[step] for step in steps], **style)
            drawn = True
    if not drawn:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "nothing logged", ha="center", color=GRAY, transform=axes.transAxes)
