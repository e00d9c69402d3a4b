"""Checks of a trainer's arguments against its tasks, before it starts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from modeling_hybrid_mtl import TaskConfig
from trainer.config.freezing_options import WITHOUT_SHARED
from trainer.errors import InputError, did_you_mean
from trainer.evaluation import metrics_of, scored
from trainer.objective.aggregators import Aggregator
from trainer.objective.loss_weights import LOSS_WEIGHTS, LossBalancer, LossWeights
from trainer.objective.regularizers import REGULARIZERS, Regularizer, weight_option
from trainer.optimization import SCHEDULE_FIELDS, check_task_name
from trainer.registry import LOSSES, METRICS

if TYPE_CHECKING:
    from trainer.config.tasks import TaskEntry
    from trainer.config.training_arguments import HybridMTLTrainingArguments


def check_known(tasks: Mapping[str, Any], places: Mapping[str, Iterable[str]]) -> None:
    """Check that every name is a task of the model.

    Raises:
        InputError: naming the first unknown one, and the argument that it is from.
    """
    for place, names in places.items():
        for name in names:
            if name not in tasks:
                raise InputError(
                    f"{place}: no task '{name}' in the model; its tasks: {', '.join(tasks)}"
                )


def check_sequence(sequence: Sequence[str] | None, tasks: Iterable[str]) -> None:
    """Check that a `task_sequence` names every task, and no other.

    Raises:
        InputError: naming the first task that is unknown or missing.
    """
    if sequence is None:
        return
    tasks = list(tasks)
    for name in sequence:
        if name not in tasks:
            raise InputError(
                f"task_sequence: no task '{name}' (the tasks: {', '.join(tasks)})."
                f"{did_you_mean(name, tasks)}"
            )
    for name in tasks:
        if name not in sequence:
            raise InputError(
                f"task_sequence: task '{name}' is missing; name it, or leave the task out"
            )


def check_task_names(
    tasks: Mapping[str, Any],
    train: Mapping[str, Any] | None,
    evaluation: Mapping[str, Any] | None,
    args: HybridMTLTrainingArguments,
) -> None:
    """Check that the model, the data and the arguments name the same tasks.

    Raises:
        InputError: naming the argument and the task.
    """
    check_task_name(*tasks)
    places: dict[str, Any] = {
        "task_args": args.task_args,
        "eval_dataset": evaluation,
        "train_dataset": train,
        "task_order": args.task_order,
    }
    check_known(tasks, {place: names or () for place, names in places.items()})
    order = args.task_order
    if train is not None and order is not None and sorted(order) != sorted(train):
        raise InputError(
            f"task_order: must name each trained task once: {', '.join(train)}; "
            f"got {', '.join(order)}"
        )
    if train is not None:
        check_sequence(args.task_sequence, train)


def check_scored(tasks: Mapping[str, TaskConfig], args: HybridMTLTrainingArguments) -> None:
    """Check that some task has a part in the overall score.

    Raises:
        InputError: if all tasks are auxiliary or have no weight, or as `score_parts`.
    """
    parts = args.score_parts(tasks)
    if not scored(parts):
        others = [name for name, part in parts.items() if not part.auxiliary]
        if others:
            raise InputError(
                f"score_weight: is 0 for {', '.join(others)}, and the overall score needs a task "
                "with a weight above 0"
            )
        raise InputError(
            f"auxiliary: all tasks are auxiliary ({', '.join(tasks)}), and the overall score needs "
            f"one that is not"
        )


def check_submissions(tasks: Mapping[str, TaskEntry], folds: int | None) -> None:
    """Check that one model is trained, if it is to predict test rows.

    Raises:
        InputError: naming the first task with a `submission`, if there are folds.
    """
    for name, entry in tasks.items() if folds is not None else ():
        if entry.source.submission is not None:
            raise InputError(
                f"task '{name}': submission: with folds there are several models; leave folds out "
                "to train the one that predicts the test rows"
            )


def check_best_metric(
    name: str | None, tasks: Mapping[str, TaskConfig], greater_is_better: bool | None
) -> None:
    """Check that the metric for choosing the best checkpoint will be computed.

    Args:
        name: the metric, with or without `eval_`.
        tasks: the tasks with rows to evaluate on.
        greater_is_better: whether the checkpoint with the highest value is chosen; None if none is.

    Raises:
        InputError: with the names of the metrics that will be, or naming the wrong direction.
    """
    is_greater = {"eval_overall": True, "eval_loss": False}
    for task, config in tasks.items():
        for metric in metrics_of(config.kind, config.labels):
            is_greater[f"eval_{task}_{metric}"] = METRICS.entry(metric).greater_is_better
        is_greater[f"eval_{task}_loss"] = False
    names = list(is_greater)
    full = f"eval_{(name or 'overall').removeprefix('eval_')}"
    if full not in names:
        raise InputError(
            f"metric_for_best_model = '{name}': must be one of {', '.join(names)}."
            f"{did_you_mean(full, names)}"
        )
    if greater_is_better not in (None, is_greater[full]):
        direction = "higher" if is_greater[full] else "lower"
        raise InputError(
            f"greater_is_better = {greater_is_better}: {direction} values of {full} are better; "
            f"set greater_is_better: {str(is_greater[full]).lower()}"
        )


def check_enough(args: HybridMTLTrainingArguments, tasks: Mapping[str, TaskConfig]) -> None:
    """Check that there are several tasks, and rows in a batch, where options need them.

    Raises:
        InputError: naming the option.
    """
    if len(tasks) < 2 and (args.aggregator != "sum" or args.gradient_cosines):
        option = (
            "gradient_cosines" if args.aggregator == "sum" else f"aggregator = '{args.aggregator}'"
        )
        raise InputError(f"{option}: there is one task only, and nothing to aggregate; unset it")
    for name, task in tasks.items():
        if task.loss == "correlation" and (args.task_training(name).batch_size or 0) < 2:
            raise InputError(
                f"task '{name}': loss 'correlation' needs batches of several rows; set batch_size"
            )
        measures_again = getattr(LOSS_WEIGHTS[args.loss_weights], "needs_losses_after", False)
        if task.head_options.get("negatives") and measures_again:
            raise InputError(
                f"loss_weights = '{args.loss_weights}': measures the losses of a batch again after "
                f"the step, when task '{name}' has other negatives of earlier steps; use other "
                "loss_weights, or head_options: {negatives: 0} for this task"
            )


def check_weighted(tasks: Mapping[str, TaskEntry]) -> None:
    """Check that rows with weights have losses of their own.

    Raises:
        InputError: naming the task.
    """
    for name, entry in tasks.items():
        loss = entry.model.loss
        if "weight" in entry.source.columns and LOSSES.entry(str(loss)).of_batch:
            raise InputError(
                f"task '{name}': columns: weight: loss '{loss}' has one value for all rows of a "
                "batch, which cannot be weighted; unset it, or use another loss"
            )


def check_loss_weights(
    args: HybridMTLTrainingArguments, loss_weights: LossWeights | None, aggregator: Aggregator
) -> None:
    """Check that loss weights have an effect on the shared parameters.

    Raises:
        InputError: naming the option that prevents it.
    """
    option = f"loss_weights = '{args.loss_weights}'"
    if loss_weights is not None and aggregator.scale_invariant:
        raise InputError(
            f"{option}: has no effect on the encoder with aggregator '{args.aggregator}', whose "
            "direction does not depend on the scale of losses; use loss_weights: fixed, or another "
            "aggregator"
        )
    needs_shared = isinstance(loss_weights, LossBalancer) and loss_weights.needs_shared_norms
    if needs_shared and args.trainable in WITHOUT_SHARED:
        raise InputError(
            f"{option}: with trainable: {args.trainable} the tasks share no trained parameters, "
            "whose gradients it balances; use other loss_weights, or trainable: all or lora"
        )


def check_given_optimizer(
    args: HybridMTLTrainingArguments, optimizer: Any = None, schedule: Any = None
) -> None:
    """Check that no option of optimizers is set beside a given optimizer.

    Raises:
        InputError: naming the first option that would have no effect.
    """
    if optimizer is None:
        if schedule is not None:
            raise InputError("optimizers: give the schedule's optimizer, too, or neither of them")
        return
    options = {
        "trainable": args.trainable != "all",
        "optimizer_layout": args.optimizer_layout != "siloed",
        "layer_decay": args.layer_decay is not None,
        "loss_weights": getattr(LOSS_WEIGHTS[args.loss_weights], "learned", False),
    }
    entries: Any = args.task_args
    for name, entry in entries.items():
        for key in ("learning_rate", "weight_decay", *SCHEDULE_FIELDS):
            options[f"task '{name}': {key}"] = entry.get(key) is not None
    for option, is_set in options.items():
        if is_set:
            raise InputError(
                f"{option}: has no effect on a given optimizer, which has its own parameters and "
                f"learning rates; leave one of the two out"
            )


def check_regularizers(
    args: HybridMTLTrainingArguments, regularizers: Collection[Regularizer]
) -> None:
    """Check that no option is set of a regularizer that is not used.

    Raises:
        InputError: naming the first such option.
    """
    for name in REGULARIZERS.keys() - {regularizer.name for regularizer in regularizers}:
        config, weight = args.config_of(REGULARIZERS, name), weight_option(name)
        defaults = REGULARIZERS.entry(name).options()
        for option in fields(defaults):
            changed = getattr(config, option.name) != getattr(defaults, option.name)
            if option.name != weight and changed:
                raise InputError(f"{option.name}: has no effect without a {weight} above 0")
