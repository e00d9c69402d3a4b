"""The report and the figure of a task, by the type of its labels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.evaluation.figure_of_classes import draw_classes
from trainer.evaluation.figures import draw_confusion_matrix, draw_scatter
from trainer.evaluation.multi_label import multi_label_report
from trainer.evaluation.predictions import TaskPredictions
from trainer.evaluation.ranking import draw_recall, ranking_report
from trainer.evaluation.report import classification_report, regression_report

Report = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of tasks with one type of labels.

    Attributes:
        report: returns the report of a task's predictions, given its configuration.
        draw: draws a figure of task, predictions and report under a title, to a file.
        caption: of the figure, before `of TASK`.
    """

    report: Callable[[Any, TaskPredictions], Report]
    draw: Callable[[Any, TaskPredictions, Report, str, Path], None]
    caption: str


def _class_report(task: Any, result: TaskPredictions) -> Report:
    return classification_report(result.predictions, result.labels, task.labels)


def _labels_report(task: Any, result: TaskPredictions) -> Report:
    return multi_label_report(result.predictions, result.labels, task.labels)


def _score_report(task: Any, result: TaskPredictions) -> Report:
    return regression_report(result.predictions, result.labels, task.score_range)


def _ranking_report(task: Any, result: TaskPredictions) -> Report:
    return ranking_report(result.outputs, result.labels)


def _draw_confusions(
    task: Any, result: TaskPredictions, report: Report, title: str, path: Path
) -> None:
    draw_confusion_matrix(report, title, path)


def _draw_labels(
    task: Any, result: TaskPredictions, report: Report, title: str, path: Path
) -> None:
    draw_classes(report, title, path)


def _draw_scores(
    task: Any, result: TaskPredictions, report: Report, title: str, path: Path
) -> None:
    draw_scatter(result.predictions, result.labels, task.score_range, title, path)


def _draw_recall(
    task: Any, result: TaskPredictions, report: Report, title: str, path: Path
) -> None:
    draw_recall(report, title, path)


EVALUATIONS = {
    "class": Evaluation(_class_report, _draw_confusions, "Confusion matrix"),
    "tags": Evaluation(_class_report, _draw_confusions, "Confusion matrix"),
    "labels": Evaluation(_labels_report, _draw_labels, "Precision, recall and F1 of the classes"),
    "match": Evaluation(_ranking_report, _draw_recall, "Recall at rank k"),
    "score": Evaluation(_score_report, _draw_scores, "Predicted and true scores"),
}
