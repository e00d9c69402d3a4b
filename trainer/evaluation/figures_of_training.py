"""The figures of a run's course: losses and scores, and the agreement of the tasks' gradients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.evaluation.figure_files import (
    BLUE,
    DIVERGING,
    GRAY,
    GREEN,
    LINES,
    ORANGE,
    new_figure,
    save_figure,
)
from trainer.evaluation.metrics import axis_label
from trainer.evaluation.overall import ScorePart, scored

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
_INTERVAL: dict[str, Any] = {"label": "95% interval of the model", "alpha": 0.15, "linewidth": 0}
_BEST: dict[str, Any] = {"label": "the model's step", "color": "black", "linewidth": 0.9}
_CHANCE: dict[str, Any] = {
    "label": "the most frequent class",
    "color": GRAY,
    "linestyle": "--",
}
# Of the heights of the axes of scores, beside what is drawn.
_MARGIN = 0.08
_MAX_MAPS = 6


@dataclass(frozen=True)
class CurveMarks:
    """What the scores of a run are to be compared with.

    Attributes:
        best_step: the step of the model, if not the last one.
        intervals: task, or empty for the overall score -> ends of the 95% interval of the model.
        chance: task -> the main metric of answers that are always the most frequent class.
    """

    best_step: int | None = None
    intervals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    chance: Mapping[str, float] = field(default_factory=dict)


def draw_learning_curves(
    log_history: Sequence[Mapping[str, Any]],
    tasks: Mapping[str, ScorePart],
    path: str | Path,
    marks: CurveMarks | None = None,
) -> None:
    """Draw each task's losses (upper row) and main metric (lower row) against optimizer steps.

    The last column holds the legend and the overall score. A panel without logged values is
    marked as such. Losses start at zero. The axis of a metric is as long as its values, its
    interval and chance require. Dotted lines separate the phases of training.

    Args:
        log_history: `TrainerState.log_history`: entries with `step` and any of `loss/{task}`,
            `eval_{task}_loss`, `eval_{task}_{main metric}`, `eval_overall` and `phase`.
        tasks: task -> its part in the overall score; one column each.
        path: the PNG file to write; missing folders are created.
        marks: what to compare the scores with.

    Raises:
        ValueError: if there is no task.
    """
    if not tasks:
        raise ValueError("Learning curves need at least one task.")
    marks = marks or CurveMarks()
    figure = new_figure(3.3 * (len(tasks) + 1), 5.6)
    grid = figure.subplots(2, len(tasks) + 1, sharex=True, squeeze=False)
    for column, (task, part) in enumerate(tasks.items()):
        _draw_task(grid[:, column], log_history, task, part, marks)
    legend_axes, overall = grid[:, -1]
    _draw_lines(overall, log_history, {"eval_overall": _OVERALL}, "overall score (0 to 1)")
    _mark_scores(overall, GREEN, marks.intervals.get(""), None)
    main = {task: part for task, part in tasks.items() if not part.auxiliary}
    title = "all tasks" if len(main) == len(tasks) else "all but the auxiliary tasks"
    overall.set_title(title if scored(main) == main else ", ".join(scored(main)), parse_math=False)
    for axes in grid[1]:
        axes.set_xlabel("optimizer step")
    for axes in (*grid[0, :-1], *grid[1]):
        if marks.best_step is not None and axes.lines:
            axes.axvline(marks.best_step, zorder=1, **_BEST)
        for step in _phase_ends(log_history):
            axes.axvline(step, color=GRAY, linewidth=0.8, linestyle=":")
    _draw_legend(legend_axes, marks)
    save_figure(figure, path)


def _draw_task(
    column: np.ndarray,
    log_history: Sequence[Mapping[str, Any]],
    task: str,
    part: ScorePart,
    marks: CurveMarks,
) -> None:
    upper, lower = column
    lines = {f"loss/{task}": _TRAINING, f"eval_{task}_loss": _EVALUATION}
    _draw_lines(upper, log_history, lines, "mean loss of an example")
    _start_at_zero(upper)
    upper.set_title(f"{task} (auxiliary)" if part.auxiliary else task, parse_math=False)
    _draw_lines(
        lower, log_history, {f"eval_{task}_{part.metric}": _EVALUATION}, axis_label(part.metric)
    )
    _mark_scores(lower, ORANGE, marks.intervals.get(task), marks.chance.get(task))


def _draw_legend(axes: "Axes", marks: CurveMarks) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    axes.set_axis_off()
    styles = [_TRAINING, _EVALUATION, _OVERALL]
    styles += [_BEST] if marks.best_step is not None else []
    styles += [_CHANCE] if marks.chance else []
    handles: list[Any] = [Line2D([], [], **style) for style in styles]
    handles += [Patch(color=ORANGE, **_INTERVAL)] if marks.intervals else []
    axes.legend(handles=handles, loc="center")


def _start_at_zero(axes: "Axes") -> None:
    """Start the vertical axis at zero, or below if a value is negative."""
    if not axes.lines:
        return
    values = _values(axes)
    top = 1.08 * values.max() if values.max() > 0 else None
    axes.set_ylim(bottom=None if values.min() < 0 else 0, top=top)


def _values(axes: "Axes") -> np.ndarray:
    return np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])


def _mark_scores(
    axes: "Axes", color: str, interval: Sequence[float] | None, chance: float | None
) -> None:
    """Draw an interval and chance, and fit the vertical axis to all that is drawn."""
    if not axes.lines:
        return
    values = _values(axes)
    shown = [values[np.isfinite(values)], *([interval] if interval is not None else [])]
    shown += [[chance]] if chance is not None else []
    drawn = np.concatenate([np.asarray(part, dtype=float) for part in shown])
    if interval is not None:
        axes.axhspan(*interval, color=color, **_INTERVAL)
    if chance is not None:
        axes.axhline(chance, zorder=1, **_CHANCE)
    if drawn.size:
        margin = _MARGIN * max(np.ptp(drawn), 0.05)
        axes.set_ylim(drawn.min() - margin, drawn.max() + margin)


def _phase_ends(log_history: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the last step of every phase except the last."""
    last_steps = {entry["phase"]: entry["step"] for entry in log_history if "phase" in entry}
    return list(last_steps.values())[:-1]


def draw_gradient_cosines(
    log_history: Sequence[Mapping[str, Any]], pairs: Mapping[str, str], path: str | Path
) -> None:
    """Draw the cosines of each two tasks' gradients against optimizer steps, from -1 to 1.

    Below, for each pair, the cosines of each layer, where they were logged, from the pair with the
    strongest conflict on; at most six pairs.

    Args:
        log_history: `TrainerState.log_history`.
        pairs: logged name -> its label in the legend, such as `sentiment, paraphrase`; the names of
            layers follow it, as in `gradient_cosine/a/b/layer_3`.
        path: the PNG file to write; missing folders are created.
    """
    layers = {name: _layers(log_history, name) for name in pairs}
    # If there are many, those of the strongest conflicts.
    mapped = sorted((n for n, found in layers.items() if found), key=partial(_mean, log_history))
    mapped = mapped[:_MAX_MAPS]
    height = 0.9 + 0.16 * max(map(len, layers.values()), default=0)
    figure = new_figure(7.5, 3.6 + height * len(mapped))
    panels = figure.subplots(
        1 + len(mapped),
        1,
        squeeze=False,
        sharex=True,
        height_ratios=[3.6, *[height] * len(mapped)],
    )[:, 0]
    axes = panels[0]
    axes.axhline(0, color=GRAY, linewidth=0.8)
    markers = ("o", "s", "^", "D", "v", "P")
    styles = {
        name: {
            "label": label,
            "color": LINES[i % len(LINES)],
            "marker": markers[i % len(markers)],
            "markersize": 3,
        }
        for i, (name, label) in enumerate(pairs.items())
    }
    _draw_lines(axes, log_history, styles, "cosine of the gradients")
    axes.set_ylim(-1, 1)
    axes.set_title("Below zero two tasks pull the encoder apart", parse_math=False)
    axes.legend(loc="upper right", fontsize="small", ncols=2)
    for panel, name in zip(panels[1:], mapped, strict=True):
        _draw_layers(panel, log_history, name, layers[name])
        panel.set_title(pairs[name], parse_math=False, fontsize="medium")
    if mapped:
        figure.colorbar(panels[-1].images[0], ax=list(panels[1:]), label="cosine", shrink=0.9)
    panels[-1].set_xlabel("optimizer step")
    save_figure(figure, path)


def _mean(log_history: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(np.mean([entry[name] for entry in log_history if name in entry]))


def _layers(log_history: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """Return the layers of a pair of tasks in the log, in their order."""
    keys = dict.fromkeys(k for entry in log_history for k in entry if k.startswith(f"{name}/"))
    return [key.removeprefix(f"{name}/") for key in keys]


def _draw_layers(
    axes: "Axes", log_history: Sequence[Mapping[str, Any]], name: str, layers: Sequence[str]
) -> None:
    """Draw cosines as colors: a column for each logged step, a row for each layer."""
    entries = [entry for entry in log_history if f"{name}/{layers[0]}" in entry]
    steps = [entry["step"] for entry in entries]
    values = [[entry.get(f"{name}/{layer}", np.nan) for entry in entries] for layer in layers]
    first = steps[0] - (steps[1] - steps[0] if len(steps) > 1 else 1)
    axes.imshow(
        np.asarray(values, dtype=float),
        cmap=DIVERGING,
        vmin=-1,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
        extent=(first, steps[-1], len(layers) - 0.5, -0.5),
    )
    names = [layer.replace("_", " ") for layer in layers]
    axes.set_yticks(range(len(names)), names, fontsize="small")


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
