"""The stateful parts of one training run, besides the model, its optimizer and the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from modeling_hybrid_mtl import TaskConfig
from trainer.config.task_checks import check_enough, check_loss_weights, check_regularizers
from trainer.objective.aggregators import Aggregator
from trainer.objective.loss_weights import LossWeights
from trainer.objective.regularizers import AfterStep, Regularizer
from trainer.training.callbacks.early_stopping import EarlyStopping
from trainer.training.callbacks.ema import AveragedWeights
from trainer.training.callbacks.freezing import TrainedParts

if TYPE_CHECKING:
    from trainer.config.training_arguments import HybridMTLTrainingArguments


@dataclass
class RunParts:
    """The parts that the steps of one run use and change; each run has new ones."""

    aggregator: Aggregator
    regularizers: list[Regularizer]
    loss_weights: LossWeights | None
    averages: AveragedWeights | None
    trained_parts: TrainedParts
    early_stopping: EarlyStopping | None = None

    @classmethod
    def from_args(
        cls, args: HybridMTLTrainingArguments, tasks: Mapping[str, TaskConfig]
    ) -> RunParts:
        """Create the parts from the arguments.

        Args:
            args: the arguments of the run.
            tasks: the training tasks.

        Raises:
            InputError: naming an argument that is not supported with these tasks.
        """
        check_enough(args, tasks)
        names = list(tasks)
        regularizers = args.make_regularizers(names)
        check_regularizers(args, regularizers)
        aggregator, loss_weights = args.make_aggregator(names), args.make_loss_weights(tasks)
        check_loss_weights(args, loss_weights, aggregator)
        return cls(
            aggregator,
            regularizers,
            None if loss_weights is None else loss_weights.to(args.device),
            None if args.ema_decay is None else AveragedWeights(args.ema_decay),
            TrainedParts(args, names),
            None
            if args.early_stopping_patience is None
            else EarlyStopping(args.early_stopping_patience, args.early_stopping_threshold),
        )

    @property
    def callbacks(self) -> list[TrainerCallback]:
        """Return the parts that are callbacks, in order."""
        after_step = AfterStep(self.regularizers) if self.regularizers else None
        # The averages replace the weights before adapters are merged into the encoder.
        callbacks = (self.averages, after_step, self.trained_parts, self.early_stopping)
        return [callback for callback in callbacks if callback is not None]

    def stateful(self) -> dict[str, Any]:
        """Return the parts with a state in checkpoints: name -> part."""
        parts: dict[str, Any] = {"aggregator": self.aggregator}
        if self.loss_weights is not None:
            parts["loss_weights"] = self.loss_weights
        parts.update({part.name: part for part in self.regularizers})
        if self.averages is not None:
            parts["weights"] = self.averages
        if self.early_stopping is not None:
            parts["early_stopping"] = self.early_stopping
        return parts
