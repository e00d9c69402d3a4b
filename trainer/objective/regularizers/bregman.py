"""Bregman proximal point optimization with a momentum model: https://arxiv.org/abs/1911.03437."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLOutput
from modeling_hybrid_mtl.task_fields_hybrid_mtl import is_number
from trainer.errors import InputError
from trainer.objective.regularizers.base import Regularizer, Weight, without_labels
from trainer.objective.regularizers.divergence import divergence
from trainer.options import option
from trainer.registry import REGULARIZERS


@dataclass
class BregmanOptions:
    """Options of Bregman proximal points."""

    bregman_weight: float = option(
        0.0,
        "Bregman proximal points: weight of the divergence from the momentum model, unless set "
        "for a task.",
        group="objective",
        card="changed",
    )
    bregman_momentum: float = option(
        0.99,
        "Bregman proximal points: the decay of the momentum model per step.",
        group="objective",
        card="changed",
    )


@REGULARIZERS.register("bregman", options=BregmanOptions)
class Bregman(Regularizer):
    """`weight` times the divergence from an average of past parameters (section 3.2, momentum).

    The average is initialized with the parameters at the first term. After every optimizer step,
    `average <- (1 - momentum) * parameters + momentum * average`. It consists of the trained
    parameters only, and its predictions, without dropout, are compared with the training output.

    Args:
        weight: mu, for all tasks or by task.
        config: `bregman_momentum` is beta. The paper uses 0.99 for the first tenth of a run, then
            0.999.

    Raises:
        InputError: if the momentum is invalid.
    """

    citation = "smart"  # the same paper

    def __init__(self, weight: Weight, config: BregmanOptions):
        super().__init__(weight)
        self.momentum = config.bregman_momentum
        if not is_number(self.momentum) or not 0 < self.momentum < 1:
            raise InputError(
                f"bregman_momentum = {self.momentum!r}: must be a number above 0 and below 1"
            )
        self._average: dict[str, Tensor] = {}
        self._started = False

    def term(
        self, model: HybridMTLModel, task: str, batch: dict[str, Tensor], output: HybridMTLOutput
    ) -> Tensor:
        # Tasks of weight 0 change the parameters, too: initialize before their first step.
        self._start(model)
        return super().term(model, task, batch, output)

    def weighted_term(
        self,
        weight: float,
        model: HybridMTLModel,
        task: str,
        batch: dict[str, Tensor],
        output: HybridMTLOutput,
    ) -> Tensor:
        logits: Any = output.logits
        inputs = {**without_labels(batch), "task": task}
        mode = model.training
        with torch.no_grad():
            past = functional_call(model.eval(), self._average, kwargs=inputs).logits
        model.train(mode)
        return weight * divergence(model.config.task(task), logits, past, batch["labels"])

    @torch.no_grad()
    def after_step(self, model: HybridMTLModel) -> None:
        """Move the average toward the model's parameters."""
        self._start(model)
        parameters = dict(model.named_parameters())
        torch._foreach_lerp_(
            list(self._average.values()),
            [parameters[name] for name in self._average],
            1 - self.momentum,
        )

    def state_dict(self) -> dict[str, Tensor]:
        """Return parameter name -> averaged tensor, empty before the first term."""
        return dict(self._average)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore an average."""
        self._average = dict(state)
        self._started = False

    def _start(self, model: HybridMTLModel) -> None:
        """Copy the trained parameters, or a loaded average, to the model's device and dtype.

        Raises:
            InputError: if the loaded average is of another model.
        """
        if self._started:
            return
        trained = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
        initial = self._average or trained
        shapes = {name: tensor.shape for name, tensor in initial.items()}
        if shapes != {name: p.shape for name, p in trained.items()}:
            raise InputError(
                "bregman_weight: the checkpoint's momentum model has other parameters than the "
                "trained model; resume with the original options of the run"
            )
        self._average = {
            name: initial[name].to(p.device, p.dtype, copy=True) for name, p in trained.items()
        }
        self._started = True
