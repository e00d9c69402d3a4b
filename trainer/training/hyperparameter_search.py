"""What `Trainer.hyperparameter_search` optimizes with several tasks."""

from collections.abc import Callable, Mapping
from typing import Any

from transformers import Trainer


class HyperparameterSearch(Trainer):
    """A `Trainer` whose searches are for the highest overall score."""

    def hyperparameter_search(
        self,
        hp_space: Callable[[Any], Mapping[str, Any]] | None = None,
        compute_objective: Callable[[dict[str, float]], float] | None = None,
        n_trials: int = 20,
        direction: str | list[str] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Search as `Trainer` does; its default objective, the sum of all metrics, adds losses.

        Args:
            hp_space: as for `Trainer`.
            compute_objective: as for `Trainer`; the overall score if unset.
            n_trials: as for `Trainer`.
            direction: `maximize` or `minimize`; if unset, `maximize` for the overall score, and
                `minimize` for another objective.
            *args: as for `Trainer`.
            **kwargs: as for `Trainer`.
        """
        if compute_objective is None:
            compute_objective, direction = overall_score, direction or "maximize"
        return super().hyperparameter_search(
            hp_space, compute_objective, n_trials, direction or "minimize", *args, **kwargs
        )


def overall_score(metrics: dict[str, float]) -> float:
    """Return the overall score of an evaluation."""
    return metrics["eval_overall"]
