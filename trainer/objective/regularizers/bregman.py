"""Bregman proximal point optimisation with a momentum model: https://arxiv.org/abs/1911.03437."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLOutput
from trainer.errors import InputError
from trainer.objective.regularizers.base import Regularizer, without_labels
from trainer.objective.regularizers.divergence import divergence


class Bregman(Regularizer):
    """`weight` times the divergence from an average of the model's past (section 3.2, momentum).

    The average begins as the model at the first term. After every optimizer step,
    `average <- (1 - momentum) * parameters + momentum * average`. It holds the trained parameters
    only, once, and predicts without dropout; the training forward's own output is compared with it.

    Args:
        weight: mu, for all tasks or by task.
        momentum: beta. The paper takes 0.99 for the first tenth of a run and then 0.999.
    """

    def __init__(self, weight: float | Mapping[str, float], momentum: float = 0.99):
        super().__init__(weight)
        self.momentum = momentum
        self._average: dict[str, Tensor] = {}
        self._started = False

    def term(
        self, model: HybridMTLModel, task: str, batch: dict[str, Tensor], output: HybridMTLOutput
    ) -> Tensor:
        # Tasks of weight 0 train the model too: the average must begin before their first step.
        self._start(model)
        return super().term(model, task, batch, output)

    def _weighted(
        self,
        weight: float,
        model: HybridMTLModel,
        task: str,
        batch: dict[str, Tensor],
        output: HybridMTLOutput,
    ) -> Tensor:
        now: Any = output.logits
        inputs = {**without_labels(batch), "task": task}
        mode = model.training
        with torch.no_grad():
            past = functional_call(model.eval(), self._average, kwargs=inputs).logits
        model.train(mode)
        return weight * divergence(model.config.task(task), now, past, batch["labels"])

    @torch.no_grad()
    def after_step(self, model: HybridMTLModel) -> None:
        """Move the average towards the model's parameters."""
        self._start(model)
        parameters = dict(model.named_parameters())
        torch._foreach_lerp_(
            list(self._average.values()),
            [parameters[name] for name in self._average],
            1 - self.momentum,
        )

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged tensors by their parameters' names; none before the first term."""
        return dict(self._average)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from an earlier average."""
        self._average = dict(state)
        self._started = False

    def _start(self, model: HybridMTLModel) -> None:
        """Copy the model, or put a loaded average beside it.

        Raises:
            InputError: if the loaded average is of another model.
        """
        if self._started:
            return
        trained = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
        begin = self._average or trained
        shapes = {name: tensor.shape for name, tensor in begin.items()}
        if shapes != {name: p.shape for name, p in trained.items()}:
            raise InputError(
                "bregman_weight: the checkpoint's momentum model has other parameters than the "
                "model that is trained; resume with the options that the run began with"
            )
        self._average = {
            name: begin[name].to(p.device, p.dtype, copy=True) for name, p in trained.items()
        }
        self._started = True
