"""Several optimizers with the interface of one."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from trainer.optimization.groups import SHARED, WEIGHTS


class MultiOptimizer(torch.optim.Optimizer):
    """One optimizer per task and optionally a shared one, whose parameters may overlap.

    In a step, the optimizers of the step's tasks use their task's gradient on the shared
    parameters, one after the other, and the shared optimizer uses the aggregated gradient in
    `.grad`.

    Args:
        parts: `shared`, `loss_weights` or a task -> its optimizer.
        max_norm: maximum norm of the gradient of all parameters of an optimizer, which is scaled
            down to it; 0 for no clipping. Learned loss weights are not clipped.
    """

    def __init__(self, parts: Mapping[str, torch.optim.Optimizer], max_norm: float = 0.0):
        self.parts = dict(parts)
        self.max_norm = max_norm
        self._reached: list[nn.Parameter] = []
        self._gradients: Mapping[str, Sequence[Tensor]] = {}
        groups = self._groups()
        # The base class is initialized for its hooks only: it rejects a parameter in two groups.
        super().__init__([nn.Parameter(torch.zeros(1))], {})
        self.param_groups = groups

    def set_task_grads(
        self, parameters: Sequence[nn.Parameter], gradients: Mapping[str, Sequence[Tensor]]
    ) -> None:
        """Set the next step's task -> gradients, one for each of these parameters.

        The tensors are not copied, are clipped in place, and are dropped after the step.
        """
        self._reached = list(parameters)
        self._gradients = gradients

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Step the optimizers of the tasks with gradients, then the shared one."""
        if closure is not None:
            raise TypeError("set each task's gradients with `set_task_grads`, not with a closure")
        aggregated = [p.grad for p in self._reached]
        for name, part in self.parts.items():
            if name not in (SHARED, WEIGHTS) and name not in self._gradients:
                continue
            gradients = self._gradients.get(name, aggregated)
            for parameter, gradient in zip(self._reached, gradients, strict=True):
                parameter.grad = gradient
            if self.max_norm > 0 and name != WEIGHTS:
                parameters = [p for group in part.param_groups for p in group["params"]]
                torch.nn.utils.clip_grad_norm_(parameters, self.max_norm)
            part.step()
        for parameter, gradient in zip(self._reached, aggregated, strict=True):
            parameter.grad = gradient
        self._reached, self._gradients = [], {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts.values():
            part.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return name -> state of the optimizers."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(state_dict[name])
        # Loading replaced the group dictionaries, which the schedule updates.
        self.param_groups = self._groups()

    def _groups(self) -> list[dict[str, Any]]:
        return [group for part in self.parts.values() for group in part.param_groups]


def parts_of(optimizer: torch.optim.Optimizer) -> list[torch.optim.Optimizer]:
    """Return the parts of a `MultiOptimizer`, or a list of the optimizer itself."""
    return list(optimizer.parts.values()) if isinstance(optimizer, MultiOptimizer) else [optimizer]
