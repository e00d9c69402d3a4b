"""Metrics, the overall score, reports and figures of a run; none of the names here needs torch."""

from trainer.evaluation.figure_of_model import DrawnTask, count_text, draw_model
from trainer.evaluation.figures import draw_confusion_matrix, draw_scatter
from trainer.evaluation.figures_of_training import (
    CurveMarks,
    draw_gradient_cosines,
    draw_learning_curves,
)
from trainer.evaluation.intervals import bootstrap_task
from trainer.evaluation.metrics import (
    check_metrics,
    compute_task_metrics,
    load_metric,
    main_metric,
    metrics_of,
)
from trainer.evaluation.multi_label import multi_label_report
from trainer.evaluation.ordinal import __name__ as _ordinal  # noqa: F401 (registers)
from trainer.evaluation.overall import ScorePart, overall_interval, overall_score, scored
from trainer.evaluation.ranking import ranking_report
from trainer.evaluation.report import classification_report, regression_report

__all__ = [
    "CurveMarks",
    "DrawnTask",
    "ScorePart",
    "bootstrap_task",
    "check_metrics",
    "classification_report",
    "compute_task_metrics",
    "count_text",
    "draw_confusion_matrix",
    "draw_gradient_cosines",
    "draw_learning_curves",
    "draw_model",
    "draw_scatter",
    "load_metric",
    "main_metric",
    "metrics_of",
    "multi_label_report",
    "overall_interval",
    "overall_score",
    "ranking_report",
    "regression_report",
    "scored",
]
