"""The reliability diagram: how often decisions with a probability are right."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.evaluation.figure_files import (
    BLUE,
    GRAY,
    ORANGE,
    new_figure,
    save_figure,
    shorten_label,
)

COLUMNS = 4


def draw_calibration(reports: Mapping[str, Mapping[str, Any]], path: str | Path) -> None:
    """Draw accuracy against mean probability, in a panel for each task.

    The area of a marker grows with the number of decisions. Above the diagonal, a model is more
    often right than it claims.

    Args:
        reports: task -> a result of `reliability_report`; one or more.
        path: the PNG file to write; missing folders are created.
    """
    columns = min(len(reports), COLUMNS)
    rows = -(-len(reports) // columns)
    figure = new_figure(1.2 + 3.4 * columns, 0.6 + 3.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(reports) :]:
        axes.set_axis_off()
    for axes, (name, report) in zip(panels, reports.items(), strict=False):
        bins = report["bins"]
        total = sum(entry["count"] for entry in bins)
        scores = [entry["mean_score"] for entry in bins]
        accuracies = [entry["accuracy"] for entry in bins]
        axes.plot([0, 1], [0, 1], color=GRAY, linestyle="--", label="accuracy = probability")
        axes.plot(scores, accuracies, color=BLUE, linewidth=1)
        sizes = [12 + 300 * entry["count"] / total for entry in bins]
        axes.scatter(scores, accuracies, s=sizes, color=ORANGE, zorder=2, label="decisions")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("mean probability of the decision (0 to 1)")
        axes.set_ylabel("share that is right (0 to 1)")
        axes.grid(alpha=0.25)
        title = f"{shorten_label(name)}\ncalibration error {report['ece']:.3f}"
        axes.set_title(title, fontsize="medium", parse_math=False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize="small")
    save_figure(figure, path)
