"""The options of the objective: how several tasks' losses and gradients become one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainer.objective.aggregators import (
    AGGREGATORS,
    Aggregator,
    AggregatorOptions,
    make_aggregator,
)
from trainer.objective.loss_weights import LOSS_WEIGHTS
from trainer.objective.regularizers import RegularizerOptions
from trainer.options import check_choice, check_options, option

GROUP = "objective"


@dataclass
class ObjectiveOptions(RegularizerOptions):
    """The aggregator of gradients, learned loss weights and the regularizers."""

    aggregator: str = option(
        "sum",
        "How the tasks' gradients on the shared parameters become one.",
        group=GROUP,
        card="always",
        choices=AGGREGATORS,
    )
    main_tasks: list[str] | None = option(
        None,
        "Aggregator mtrec: the main tasks; all that are not auxiliary if left out.",
        group=GROUP,
        needs=("aggregator", ("mtrec",)),
    )
    auxiliary_tasks: list[str] | None = option(
        None,
        "Aggregator mtrec: the tasks that give way to the main ones; those that are auxiliary if "
        "left out.",
        group=GROUP,
        needs=("aggregator", ("mtrec",)),
    )
    auxiliary_scale: float = option(
        AggregatorOptions.auxiliary_scale,
        "Aggregator mtrec: lambda, the factor of the auxiliary tasks' gradients.",
        group=GROUP,
        needs=("aggregator", ("mtrec",)),
    )
    gradient_cosines: bool = option(
        False,
        "Log the cosine between each two tasks' gradients with aggregator sum, too; the other "
        "aggregators always do.",
        group=GROUP,
    )
    loss_weights: str = option(
        "fixed",
        "fixed: each task's loss_weight. uncertainty: besides, weights that are learned by each "
        "task's noise.",
        group=GROUP,
        card="changed",
    )

    @property
    def measures_conflicts(self) -> bool:
        """Whether a step looks at the angles between the tasks' gradients."""
        return self.aggregator != "sum" or self.gradient_cosines

    def aggregator_of(
        self, tasks: Sequence[str], auxiliary: Sequence[str], seed: int, config: Any = None
    ) -> Aggregator:
        """Return the aggregator.

        Args:
            tasks: all that are trained.
            auxiliary: those of them that only help the others.
            seed: of what it draws.
            config: an instance of the dataclass that the aggregator was registered with, if it was.

        Raises:
            InputError: if it cannot work with these tasks, or needs a package that is missing.
        """
        named = self.auxiliary_tasks or [task for task in tasks if task in auxiliary]
        options = AggregatorOptions(seed, self.main_tasks, named, self.auxiliary_scale)
        return make_aggregator(self.aggregator, tasks, options, config)


def check_objective(options: ObjectiveOptions) -> None:
    """Make sure that what the objective is made of is known, and that every option is read.

    Raises:
        InputError: naming the option and what to do.
    """
    check_options(options, ObjectiveOptions)
    check_choice("loss_weights", options.loss_weights, LOSS_WEIGHTS)
