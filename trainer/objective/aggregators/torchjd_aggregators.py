"""The rules whose mathematics is torchjd's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from trainer.errors import InputError
from trainer.objective.aggregators.base import GramianRule, RuleOptions
from trainer.objective.aggregators.draws import Draws
from trainer.registry import AGGREGATORS


@dataclass(frozen=True)
class Method:
    """A class of `torchjd.aggregation`.

    Attributes:
        class_name: its name.
        extra: of torchjd, that it needs.
        arguments: its own.
        degree: with a Gramian s times as large, its weights are s**degree times as large.
    """

    class_name: str
    extra: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    degree: float = 0.0


METHODS = {
    "mgda": Method("MGDAWeighting"),
    "aligned_mtl": Method("AlignedMTLWeighting"),
    "imtl_g": Method("IMTLGWeighting"),
    "random": Method("RandomWeighting"),
    "gradvac": Method("GradVacWeighting"),
    "graddrop": Method("GradDrop"),
    "upgrad": Method("UPGradWeighting", "quadprog-projector"),
    "dualproj": Method("DualProjWeighting", "quadprog-projector"),
    # From 0, the mean, to 1: how far from the mean gradient the result may lie.
    "cagrad": Method("CAGradWeighting", "cagrad", {"c": 0.4}),
    # 1 is proportional fairness.
    "fairgrad": Method("FairGradWeighting", "fairgrad", {"alpha": 1.0}, degree=-0.5),
    # 0: without the clipping that is not in the paper's Algorithm 1; the trainer clips.
    "nash_mtl": Method("NashMTL", "nash-mtl", {"max_norm": 0.0}, degree=-0.5),
}


def load(name: str, **arguments: Any) -> Any:
    """The torchjd object of a rule.

    Raises:
        InputError: if a package is missing; says how to install it.
    """
    method = METHODS[name]
    try:
        from torchjd import aggregation

        return getattr(aggregation, method.class_name)(**method.arguments, **arguments)
    except ImportError as error:
        package = f"torchjd[{method.extra}]" if method.extra else "torchjd"
        raise InputError(
            f"update rule '{name}': needs a package that is not installed; install it with: "
            f'pip install "{package}"'
        ) from error


class TorchjdRule(GramianRule):
    """A rule that one of torchjd's weightings stands for.

    Args:
        name: of the rule.
        tasks: all tasks that a step may have.
        options: the rule's options.
        arguments: of the torchjd class, besides those in the table.

    Raises:
        InputError: if a package that the method needs is missing.
    """

    def __init__(self, name: str, tasks: Sequence[str], options: RuleOptions, **arguments: Any):
        super().__init__(tasks, options)
        self.method = load(name, **arguments)
        self.degree = METHODS[name].degree

    def combine(
        self, gradients: Sequence[Sequence[Tensor]], tasks: Sequence[str], gramian: Tensor
    ) -> list[Tensor]:
        # With nothing to weigh against, some methods would still rescale the gradient.
        if len(tasks) == 1:
            return list(gradients[0])
        return super().combine(gradients, tasks, gramian)

    def weights(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        # Solvers stop on such numbers, or keep them in their state; with a plain sum the gradient
        # would not be finite either, and whoever scales losses knows that sign.
        if not gramian.isfinite().all():
            return torch.full_like(gramian[0], torch.nan)
        # Solvers call small what is below fixed numbers: CAGrad would make a step of zero where
        # gradients are shorter than 0.01. So all see gradients whose mean square length is one.
        size = gramian.diagonal().mean()
        if size == 0:
            return self.solve(gramian, tasks)
        return self.solve(gramian / size, tasks) * size**self.degree

    def solve(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        """The weights (K,) for a Gramian (K, K) on the CPU of mean diagonal one, or of zeros."""
        return self.method(gramian)


class RandomTorchjdRule(TorchjdRule):
    """A rule whose torchjd weighting draws random numbers: the same on every process."""

    def __init__(self, name: str, tasks: Sequence[str], options: RuleOptions):
        super().__init__(name, tasks, options)
        self.draws = Draws(options.seed)

    def solve(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        with self.draws.next_step():
            return super().solve(gramian, tasks)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.draws.step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.draws.step = state["step"]


for _name in ("mgda", "aligned_mtl", "imtl_g", "upgrad", "dualproj", "cagrad", "fairgrad"):
    AGGREGATORS.register(_name, partial(TorchjdRule, _name))
AGGREGATORS.register("random", partial(RandomTorchjdRule, "random"))
