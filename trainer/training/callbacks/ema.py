"""An exponential moving average of the weights, for evaluation and saving."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class AveragedWeights(TrainerCallback):
    """Averages a model's weights over the steps of a run.

    After step t each average moves towards its weight by 1 - min(decay, (1 + t) / (10 + t)); the
    second term, smaller in the first steps, forgets the beginning. In a checkpoint the model's file
    holds the averages; the weights that training goes on with are part of this object's state.

    Args:
        decay: how much of the average one step keeps, from 0 up to but not including 1.
    """

    def __init__(self, decay: float):
        self.decay = decay
        self._weights: list[nn.Parameter] = []
        self._names: list[str] = []
        self._averages: list[Tensor] = []

    def follow(self, model: nn.Module) -> None:
        """Start at the model's present weights; those without a gradient are left out."""
        trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self._names = [name for name, _ in trained]
        self._weights = [p for _, p in trained]
        self._averages = [p.detach().clone() for p in self._weights]

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs
    ) -> None:
        if not self._weights:  # else they were restored from a checkpoint
            self.follow(kwargs["model"])

    @torch.no_grad()
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs
    ) -> None:
        step = state.global_step
        decay = min(self.decay, (1 + step) / (10 + step))
        weights: list[Tensor] = [p.detach() for p in self._weights]
        torch._foreach_lerp_(self._averages, weights, 1 - decay)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs
    ) -> None:
        # The best checkpoint, if it was loaded, is an average already.
        if not (args.load_best_model_at_end and state.best_model_checkpoint):
            self._exchange()
        self._weights, self._names, self._averages = [], [], []

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model holds the averages inside the block, if training is under way."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        # Storages change places: nothing is copied.
        for index, weight in enumerate(self._weights):
            weight.data, self._averages[index] = self._averages[index], weight.data

    def state_dict(self) -> dict[str, Tensor]:
        """The weights that training goes on with, by name."""
        return {name: p.detach() for name, p in zip(self._names, self._weights, strict=True)}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint: the model that is followed held the averages till now."""
        for name, weight in zip(self._names, self._weights, strict=True):
            weight.copy_(state[name])
