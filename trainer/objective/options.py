"""The options of the objective: aggregator, loss weights and regularizers."""

from dataclasses import dataclass

from trainer.objective.aggregators import AGGREGATORS, AggregatorOptions
from trainer.objective.loss_weights import LOSS_WEIGHTS, LossWeightOptions
from trainer.objective.regularizers import RegularizerOptions
from trainer.options import check_options, option

GROUP = "objective"


@dataclass
class ObjectiveOptions(LossWeightOptions, RegularizerOptions):
    """The aggregator of gradients, the loss weights and the regularizers."""

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
        "How losses are weighted, besides each task's loss_weight. fixed: not at all. uncertainty: "
        "by a weight learned from the task's noise. gradnorm: so that all tasks train at similar "
        "rates, by the norms of their gradients. famo: so that the logarithms of all losses fall "
        "alike; takes another forward pass per step. dwa: more where the loss falls slowly.",
        group=GROUP,
        card="changed",
        choices=LOSS_WEIGHTS,
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
