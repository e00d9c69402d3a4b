"""Aggregators implemented by torchjd."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor

from trainer.errors import InputError
from trainer.objective.aggregators.base import AggregatorOptions
from trainer.objective.aggregators.solver import SolverAggregator
from trainer.objective.aggregators.step_seed import StepSeed
from trainer.registry import AGGREGATORS


@dataclass(frozen=True)
class Method:
    """A class of `torchjd.aggregation`.

    Attributes:
        class_name: its name.
        extra: the required extra of torchjd.
        arguments: arguments of its constructor.
        degree: scaling the Gramian by s scales the weights by s**degree.
        scale_invariant: see `Aggregator`.
    """

    class_name: str
    extra: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    degree: float = 0.0
    scale_invariant: bool = False


METHODS = {
    "mgda": Method("MGDAWeighting"),
    "aligned_mtl": Method("AlignedMTLWeighting"),
    "imtl_g": Method("IMTLGWeighting", scale_invariant=True),
    "random": Method("RandomWeighting"),
    "graddrop": Method("GradDrop"),
    "upgrad": Method("UPGradWeighting", "quadprog-projector"),
    "dualproj": Method("DualProjWeighting", "quadprog-projector"),
    # c: maximum distance of the result from the mean gradient, from 0 to 1.
    "cagrad": Method("CAGradWeighting", "cagrad", {"c": 0.4}),
    # alpha = 1: proportional fairness.
    "fairgrad": Method(
        "FairGradWeighting", "fairgrad", {"alpha": 1.0}, degree=-0.5, scale_invariant=True
    ),
    # max_norm = 0: no clipping, as in the paper's Algorithm 1; the trainer clips.
    "nash_mtl": Method("NashMTL", "nash-mtl", {"max_norm": 0.0}, degree=-0.5, scale_invariant=True),
}


def load(name: str, **arguments: Any) -> Any:
    """Return the torchjd object of an aggregator.

    Raises:
        InputError: if a package is missing, with the command that installs it.
    """
    method = METHODS[name]
    try:
        from torchjd import aggregation

        return getattr(aggregation, method.class_name)(**method.arguments, **arguments)
    except ImportError as error:
        package = f"torchjd[{method.extra}]" if method.extra else "torchjd"
        raise InputError(
            f"aggregator '{name}': needs a package that is not installed; install it with: "
            f'pip install "{package}"'
        ) from error


class TorchjdAggregator(SolverAggregator):
    """An aggregator with one of torchjd's weightings.

    Args:
        name: the aggregator's name.
        tasks: all tasks that a step may have.
        options: the aggregator's options.
        arguments: further arguments of the torchjd class.

    Raises:
        InputError: if a package is missing.
    """

    def __init__(
        self, name: str, tasks: Sequence[str], options: AggregatorOptions, **arguments: Any
    ):
        super().__init__(tasks, options)
        self.method = load(name, **arguments)
        self.degree = METHODS[name].degree
        self.scale_invariant = METHODS[name].scale_invariant

    def solve(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        return self.method(gramian)


class RandomTorchjdAggregator(TorchjdAggregator):
    """An aggregator with a random torchjd weighting, the same on every process."""

    def __init__(self, name: str, tasks: Sequence[str], options: AggregatorOptions):
        super().__init__(name, tasks, options)
        self.step_seed = StepSeed(options.seed)

    def solve(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        with self.step_seed.next_step():
            return super().solve(gramian, tasks)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step_seed.step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.step_seed.step = state["step"]


for _name in ("mgda", "aligned_mtl", "imtl_g", "upgrad", "dualproj", "cagrad", "fairgrad"):
    AGGREGATORS.register(_name, partial(TorchjdAggregator, _name))
AGGREGATORS.register("random", partial(RandomTorchjdAggregator, "random"))
