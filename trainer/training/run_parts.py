"""What belongs to one run of training besides the model, its optimizer and the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from modeling_hybrid_mtl import TaskConfig
from trainer.config.task_checks import check_enough, check_regularizers
from trainer.objective.aggregators import Aggregator
from trainer.objective.loss_weights import UncertaintyWeights
from trainer.objective.regularizers import AfterStep, Regularizer
from trainer.training.callbacks.ema import AveragedWeights
from trainer.training.callbacks.freezing import TrainedParts

if TYPE_CHECKING:
    from trainer.config.training_arguments import HybridMTLTrainingArguments


@dataclass
class RunParts:
    """What the steps of one run depend on and change; the next run is given new ones."""

    aggregator: Aggregator
    regularizers: list[Regularizer]
    loss_weights: UncertaintyWeights | None
    averages: AveragedWeights | None
    trained_parts: TrainedParts

    @classmethod
    def of(cls, args: HybridMTLTrainingArguments, tasks: Mapping[str, TaskConfig]) -> RunParts:
        """Make what the arguments ask for.

        Args:
            args: of the run.
            tasks: the tasks that it trains.

        Raises:
            InputError: naming the argument that these tasks cannot be trained with.
        """
        check_enough(args, tasks)
        names = list(tasks)
        regularizers = args.make_regularizers(names)
        check_regularizers(args, regularizers)
        learned = args.loss_weights == "uncertainty"
        return cls(
            args.make_aggregator(names),
            regularizers,
            UncertaintyWeights(tasks).to(args.device) if learned else None,
            None if args.ema_decay is None else AveragedWeights(args.ema_decay),
            TrainedParts(args, names),
        )

    @property
    def callbacks(self) -> list[TrainerCallback]:
        """Those of them that have to be told how the run goes on, in order."""
        after_step = AfterStep(self.regularizers) if self.regularizers else None
        # The averages are put in place before something is folded into the encoder: in the end
        # that is what is kept.
        found = (self.averages, after_step, self.trained_parts)
        return [callback for callback in found if callback is not None]

    def stateful(self) -> dict[str, Any]:
        """Those with a state that a run goes on from, by the name that a checkpoint has for it."""
        parts: dict[str, Any] = {"aggregator": self.aggregator}
        if self.loss_weights is not None:
            parts["loss_weights"] = self.loss_weights
        parts.update({part.name: part for part in self.regularizers})
        if self.averages is not None:
            parts["weights"] = self.averages
        return parts
