"""An exponential moving average of weights and buffers, for evaluation and saving."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class AveragedWeights(TrainerCallback):
    """Averages a model's weights over the steps of a run.

    After step t, each average moves toward its weight by 1 - min(decay, (1 + t) / (10 + t)); the
    second term shortens the memory in the first steps. In a checkpoint, the model file contains the
    averages, and this object's state the trained weights.

    The running statistics of batch normalization are averaged in the same way: averaged weights
    have the statistics of the steps that they average.

    Args:
        decay: share of the average that is kept per step, in [0, 1).
    """

    def __init__(self, decay: float):
        self.decay = decay
        self._weights: list[Tensor] = []
        self._names: list[str] = []
        self._averages: list[Tensor] = []

    def follow(self, model: nn.Module) -> None:
        """Initialize the averages with the weights that require gradients, and the buffers."""
        trained: list[tuple[str, Tensor]] = [
            (name, p) for name, p in model.named_parameters() if p.requires_grad
        ]
        saved = model.state_dict().keys()
        trained += [
            (n, b) for n, b in model.named_buffers() if n in saved and b.is_floating_point()
        ]
        self._names = [name for name, _ in trained]
        self._weights = [p for _, p in trained]
        self._averages = [p.detach().clone() for p in self._weights]

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs
    ) -> None:
        if not self._weights:  # not restored from a checkpoint
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
            self._swap()
        self._weights, self._names, self._averages = [], [], []

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Replace the weights by the averages inside the block, during training only."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        # Swap the storages without a copy.
        for index, weight in enumerate(self._weights):
            weight.data, self._averages[index] = self._averages[index], weight.data

    def state_dict(self) -> dict[str, Tensor]:
        """Return the trained weights by name."""
        return {name: p.detach() for name, p in zip(self._names, self._weights, strict=True)}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore the trained weights in the model, which contains the averages."""
        for name, weight in zip(self._names, self._weights, strict=True):
            weight.copy_(state[name])
