"""The scores of an evaluation in training, beside those of the evaluations before it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.evaluation.overall import ScorePart, scored
from trainer.registry import METRICS


@dataclass(frozen=True)
class ScoreChange:
    """A score of the latest evaluation.

    Attributes:
        task: its task; empty for the overall score and for a loss without tasks.
        metric: its metric.
        value: the score.
        change: the score minus that of the evaluation before; None for the first one.
        is_better: whether the change is an improvement.
        best: the best score so far.
        best_step: the first step that reached it.
        step: the step of the evaluation.
    """

    task: str
    metric: str
    value: float
    change: float | None
    is_better: bool
    best: float
    best_step: int
    step: int

    @property
    def is_best(self) -> bool:
        """Return whether the score is better than all before it."""
        return self.change is not None and self.best_step == self.step


def score_changes(
    log_history: Sequence[Mapping[str, Any]], parts: Mapping[str, ScorePart], prefix: str = "eval"
) -> list[ScoreChange]:
    """Return the main scores of the last evaluation in a log, with their changes.

    Args:
        log_history: `TrainerState.log_history`; its last entry with such scores is described.
        parts: task -> its part in the overall score; empty for training without tasks, whose
            loss is the score.
        prefix: the prefix of the names.

    Returns:
        A score for each evaluated task, and the overall score if there are several tasks.
    """
    named = {f"{prefix}_{task}_{part.metric}": (task, part.metric) for task, part in parts.items()}
    if len(scored(parts)) > 1:
        named[f"{prefix}_overall"] = ("", "overall")
    if not parts:
        named[f"{prefix}_loss"] = ("", "loss")
    entries = [entry for entry in log_history if not named.keys().isdisjoint(entry)]
    found = []
    for key, (task, metric) in named.items():
        if entries and key in entries[-1]:
            found.append(_change(entries, key, task, metric))
    return found


def _change(entries: Sequence[Mapping[str, Any]], key: str, task: str, metric: str) -> ScoreChange:
    step, value = entries[-1].get("step", 0), entries[-1][key]
    # An evaluation that is repeated at a step, as after a resumption, replaces the one before.
    by_step = {e.get("step", 0): e[key] for e in entries if key in e and e.get("step", 0) < step}
    sign = 1 if _greater_is_better(metric) else -1
    change = value - list(by_step.values())[-1] if by_step else None
    all_scores = [*by_step.items(), (step, value)]
    comparable = [at for at in all_scores if math.isfinite(at[1])] or all_scores[-1:]
    best_step, best = max(comparable, key=lambda at: (sign * at[1], -at[0]))
    return ScoreChange(task, metric, value, change, sign * (change or 0) > 0, best, best_step, step)


def _greater_is_better(metric: str) -> bool:
    if metric in ("overall", "loss"):
        return metric == "overall"
    return METRICS.entry(metric).greater_is_better
