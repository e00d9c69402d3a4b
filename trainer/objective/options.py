"""The options of the objective: aggregator, learned loss weights and regularizers."""

from dataclasses import dataclass

from trainer.objective.aggregators import AGGREGATORS, AggregatorOptions
from trainer.objective.loss_weights import LOSS_WEIGHTS
from trainer.objective.regularizers import RegularizerOptions
from trainer.options import check_choice, check_options, option

GROUP = "objective"


@dataclass
class ObjectiveOptions(RegularizerOptions):
    """The aggregator of gradients, learned loss weights and the regularizers."""

    aggregator: str = option(
        "sum",
        "How the tasks' gradients on the shared parameters are aggregated.",
        group=GROUP,
        card="always",
        choices=AGGREGATORS,
    )
    main_tasks: list[str] | None = option(
        None,
        "Aggregator mtrec: the main tasks; if unset, all that are not auxiliary.",
        group=GROUP,
        needs=("aggregator", ("mtrec",)),
    )
    auxiliary_tasks: list[str] | None = option(
        None,
        "Aggregator mtrec: the tasks whose gradients are projected where they conflict with the "
        "main tasks'; if unset, the tasks marked auxiliary.",
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
        "Log the cosines between the tasks' gradients with aggregator sum, too; they are always "
        "logged with other aggregators.",
        group=GROUP,
    )
    loss_weights: str = option(
        "fixed",
        "fixed: each task's loss_weight. uncertainty: loss_weight times a weight learned from the "
        "task's noise.",
        group=GROUP,
        card="changed",
    )

    @property
    def measures_conflicts(self) -> bool:
        """Return whether the cosines between the tasks' gradients are computed."""
        return self.aggregator != "sum" or self.gradient_cosines


def check_objective(options: ObjectiveOptions) -> None:
    """Check the options of the objective, and that each of them has an effect.

    Raises:
        InputError: naming the option, with the remedy.
    """
    check_options(options, ObjectiveOptions)
    check_choice("loss_weights", options.loss_weights, LOSS_WEIGHTS)
