"""The one score that ranks checkpoints: a mean over the tasks' main metrics."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trainer.evaluation.intervals import Bootstrap, interval_of
from trainer.evaluation.metrics import main_metric, zero_to_one


@dataclass(frozen=True)
class ScorePart:
    """A task's part in the overall score.

    Attributes:
        metric: its main metric.
        weight: its weight in the mean; 0 excludes the task.
        auxiliary: whether the task is auxiliary, which excludes it, too.
    """

    metric: str
    weight: float = 1.0
    auxiliary: bool = False

    @classmethod
    def of_kind(cls, kind: str) -> "ScorePart":
        """Return the part of a task with the defaults of its kind.

        Raises:
            ValueError: if the kind is unknown.
        """
        return cls(main_metric(kind))


def scored(parts: Mapping[str, ScorePart]) -> dict[str, ScorePart]:
    """Return the tasks that are not excluded."""
    return {name: part for name, part in parts.items() if part.weight and not part.auxiliary}


def overall_score(
    metrics: Mapping[str, float], parts: Mapping[str, ScorePart], prefix: str = "eval"
) -> float:
    """Return the weighted mean over tasks of the main metric mapped to 0-1.

    A share such as accuracy is used as it is, a correlation r as (1 + r) / 2: for two
    classification tasks and one similarity task this is (acc_1 + acc_2 + (1 + r) / 2) / 3.

    Args:
        metrics: flat results with `{prefix}_{task}_{main metric}` for every scored task.
        parts: task -> its part.
        prefix: the prefix of the names in `metrics`.

    Raises:
        KeyError: if a task's main metric is missing.
        ValueError: if no task is scored.
    """
    found = scored(parts)
    if not found:
        raise ValueError("The overall score needs at least one task.")
    total = 0.0
    for task, part in found.items():
        key = f"{prefix}_{task}_{part.metric}"
        if key not in metrics:
            raise KeyError(f"Task {task!r} has no {key!r} among the metrics: evaluate it first.")
        total += part.weight * zero_to_one(part.metric, float(metrics[key]))
    return total / sum(part.weight for part in found.values())


def overall_interval(
    draws: Mapping[str, Bootstrap | None], parts: Mapping[str, ScorePart]
) -> list[float] | None:
    """Return the interval of the overall score of the tasks with draws.

    The tasks are resampled independently. Return None if there is no scored task, one has too few
    rows, or its main metric has no draws.
    """
    values, weights = [], []
    for name, part in scored(parts).items():
        if name not in draws:
            continue
        drawn = draws[name]
        if drawn is None or part.metric not in drawn.values:
            return None
        values.append(zero_to_one(part.metric, drawn.values[part.metric]))
        weights.append(part.weight)
    return interval_of(np.average(values, axis=0, weights=weights)) if values else None
