"""Checks of options from several packages against each other."""

from trainer.config.composed_options import ComposedOptions
from trainer.config.freezing_options import WITH_ADAPTERS, WITHOUT_SHARED
from trainer.errors import InputError
from trainer.optimization import NEED_TASK_GRADIENTS, SCHEDULE_FIELDS


def check_combinations(args: ComposedOptions) -> None:
    """Check that layout, aggregator, trained parameters and the tasks' own options fit together.

    Raises:
        InputError: naming the option that has no effect beside another, and what to do.
    """
    _check_layout(args)
    _check_aggregator(args)
    _check_trained_parts(args)


def _check_layout(args: ComposedOptions) -> None:
    """Check that the layout has a use for the tasks' learning rates, and fits the precision."""
    for name, entry in args.task_entries.items() if args.optimizer_layout == "single" else ():
        for key in ("learning_rate", "weight_decay", *SCHEDULE_FIELDS):
            if entry.get(key) is not None:
                raise InputError(
                    f"task '{name}': {key}: optimizer_layout 'single' has one {key} for "
                    "everything; unset it, or use optimizer_layout: siloed"
                )
    if args.optimizer_layout == "per_task" and args.aggregator != "sum":
        raise InputError(
            f"aggregator = '{args.aggregator}': with optimizer_layout 'per_task' each optimizer "
            "steps with its own task's gradient, and there is nothing to aggregate; use siloed, "
            "single or overlapping"
        )
    if args.optimizer_layout in NEED_TASK_GRADIENTS and args.mixed_precision == "fp16":
        raise InputError(
            f"fp16: optimizer_layout '{args.optimizer_layout}' steps with gradients that "
            "the gradient scaler does not see; use bf16"
        )


def _check_aggregator(args: ComposedOptions) -> None:
    """Check that there are gradients of several tasks to aggregate, and their roles are clear."""
    alone = args.step_every == "batch" and args.gradient_accumulation_steps == 1
    if alone and args.aggregator != "sum":
        raise InputError(
            f"aggregator = '{args.aggregator}': with step_every 'batch' a step has one task's "
            "gradient only, and there is nothing to aggregate; use step_every: cycle"
        )
    if alone and args.gradient_cosines:
        raise InputError(
            "gradient_cosines: with step_every 'batch' a step has one task's gradient only; use "
            "step_every: cycle"
        )
    for task in args.unscored_tasks:
        if task in (args.main_tasks or []):
            raise InputError(
                f"main_tasks: task '{task}' has auxiliary: true; leave one of them out"
            )
        if args.auxiliary_tasks and task not in args.auxiliary_tasks:
            raise InputError(
                f"auxiliary_tasks: task '{task}' has auxiliary: true and is not named; name it, "
                f"or unset auxiliary_tasks, which defaults to the tasks with auxiliary: true"
            )


def _check_trained_parts(args: ComposedOptions) -> None:
    """Check that options of shared trained parameters are set only if there are some."""
    checkpointing = args.activation_checkpointing_kwargs or {}
    if args.trainable in WITH_ADAPTERS and checkpointing.get("use_reentrant"):
        raise InputError(
            f"activation_checkpointing_kwargs: use_reentrant stops the gradients of trainable: "
            f"{args.trainable}, whose parameters lie inside a frozen encoder; unset it"
        )
    of_shared = {
        f"aggregator = '{args.aggregator}'": args.aggregator != "sum",
        "gradient_cosines": args.gradient_cosines,
        f"layer_decay = {args.layer_decay!r}": args.layer_decay is not None,
        f"optimizer_layout = '{args.optimizer_layout}'": args.optimizer_layout
        in NEED_TASK_GRADIENTS,
    }
    for option, is_set in of_shared.items():
        if is_set and args.trainable in WITHOUT_SHARED:
            raise InputError(
                f"{option}: with trainable: {args.trainable} the tasks share no trained "
                "parameters; unset it, or use trainable: all or lora"
            )
