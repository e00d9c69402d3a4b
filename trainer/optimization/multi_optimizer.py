"""Several optimizers behind the face of one."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from trainer.optimization.groups import SHARED, WEIGHTS


class MultiOptimizer(torch.optim.Optimizer):
    """One optimizer per task and maybe a shared one; parameters may belong to several of them.

    In a step each task's optimizer sees that task's gradient on the shared parameters, one after
    the other, and the shared optimizer sees the gradient that is in `.grad`, which all tasks gave.
    Optimizers of tasks that are not in the step rest.

    Args:
        parts: `shared`, `loss_weights` or a task -> its optimizer.
        max_norm: the gradients that an optimizer steps with, of all that it owns together, are
            scaled down to this norm where theirs is larger; 0 for no such limit. Learned loss
            weights have none.
    """

    def __init__(self, parts: Mapping[str, torch.optim.Optimizer], max_norm: float = 0.0):
        self.parts = dict(parts)
        self.max_norm = max_norm
        self._reached: list[nn.Parameter] = []
        self._gradients: Mapping[str, Sequence[Tensor]] = {}
        groups = self._groups()
        # The base class refuses a parameter in two groups: it is given one, for its hooks only.
        super().__init__([nn.Parameter(torch.zeros(1))], {})
        self.param_groups = groups

    def set_task_grads(
        self, parameters: Sequence[nn.Parameter], gradients: Mapping[str, Sequence[Tensor]]
    ) -> None:
        """Take what the next step uses: task -> one gradient for each of these parameters.

        The tensors are kept, not copied, scaled in place where they are too long, and dropped
        after the step.
        """
        self._reached = list(parameters)
        self._gradients = gradients

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step of each optimizer whose task is in it; the shared one last."""
        if closure is not None:
            raise TypeError("each task's gradient comes from `set_task_grads`, not from a closure")
        together = [p.grad for p in self._reached]
        for name, part in self.parts.items():
            if name not in (SHARED, WEIGHTS) and name not in self._gradients:
                continue
            own = self._gradients.get(name, together)
            for parameter, gradient in zip(self._reached, own, strict=True):
                parameter.grad = gradient
            if self.max_norm > 0 and name != WEIGHTS:
                owned = [p for group in part.param_groups for p in group["params"]]
                torch.nn.utils.clip_grad_norm_(owned, self.max_norm)
            part.step()
        for parameter, gradient in zip(self._reached, together, strict=True):
            parameter.grad = gradient
        self._reached, self._gradients = [], {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts.values():
            part.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """The state of every part by its name."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(state_dict[name])
        # Each part has new group dictionaries now: a schedule must find those.
        self.param_groups = self._groups()

    def _groups(self) -> list[dict[str, Any]]:
        return [group for part in self.parts.values() for group in part.param_groups]


def parts_of(optimizer: torch.optim.Optimizer) -> list[torch.optim.Optimizer]:
    """The optimizers behind one that may stand for several."""
    return list(optimizer.parts.values()) if isinstance(optimizer, MultiOptimizer) else [optimizer]
