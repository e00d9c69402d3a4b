"""Several optimizers behind the face of one."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from trainer.optimization.groups import SHARED, WEIGHTS


class SeparateOptimizers(torch.optim.Optimizer):
    """One optimizer per task and maybe a shared one; parameters may belong to several of them.

    In a step each task's optimizer sees that task's gradient on the shared parameters, one after
    the other, and the shared optimizer sees the gradient that is in `.grad`, which all tasks gave.
    Optimizers of tasks that are not in the step rest.

    Args:
        parts: `shared`, `loss_weights` or a task -> its optimizer.
    """

    def __init__(self, parts: Mapping[str, torch.optim.Optimizer]):
        self.parts = dict(parts)
        self._reached: list[nn.Parameter] = []
        self._gradients: Mapping[str, Sequence[Tensor]] = {}
        groups = self._groups()
        # The base class refuses a parameter in two groups: it is given one, for its hooks only.
        super().__init__([nn.Parameter(torch.zeros(1))], {})
        self.param_groups = groups

    def receive(
        self, parameters: Sequence[nn.Parameter], gradients: Mapping[str, Sequence[Tensor]]
    ) -> None:
        """Take what the next step uses: task -> one gradient for each of these parameters.

        The tensors are kept, not copied, and dropped after the step.
        """
        self._reached = list(parameters)
        self._gradients = gradients

    def clip(self, max_norm: float) -> None:
        """Scale down each task's gradient on the shared parameters where its norm is larger."""
        for gradients in self._gradients.values():
            norm = torch.nn.utils.get_total_norm(gradients)
            torch._foreach_mul_(list(gradients), (max_norm / (norm + 1e-6)).clamp(max=1.0))

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step of each optimizer whose task is in it; the shared one last."""
        if closure is not None:
            raise TypeError("each task's gradient comes from `receive`, not from a closure")
        together = [p.grad for p in self._reached]
        for name, part in self.parts.items():
            if name not in (SHARED, WEIGHTS) and name not in self._gradients:
                continue
            own = self._gradients.get(name, together)
            for parameter, gradient in zip(self._reached, own, strict=True):
                parameter.grad = gradient
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
    return (
        list(optimizer.parts.values()) if isinstance(optimizer, SeparateOptimizers) else [optimizer]
    )
