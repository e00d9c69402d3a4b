"""Checks of options of several wings beside each other."""

from trainer.config.composed_options import ComposedOptions
from trainer.config.freezing_options import WITH_ADAPTERS, WITHOUT_SHARED
from trainer.errors import InputError
from trainer.optimization import NEED_TASK_GRADIENTS, SCHEDULE_FIELDS


def check_combinations(args: ComposedOptions) -> None:
    """Make sure that the layout, the aggregator, what is trained and the tasks' own values fit.

    Raises:
        InputError: naming the option that has no effect beside another, and what to do.
    """
    _check_layout(args)
    _check_aggregator(args)
    _check_trained_parts(args)


def _check_layout(args: ComposedOptions) -> None:
    """Make sure that the layout reads the learning rates and can take the steps."""
    for name, entry in args.task_entries.items() if args.optimizer_layout == "single" else ():
        for key in ("learning_rate", "weight_decay", *SCHEDULE_FIELDS):
            if entry.get(key) is not None:
                raise InputError(
                    f"task '{name}': {key}: optimizer_layout 'single' has one {key} for "
                    "everything; leave it out, or use optimizer_layout: siloed"
                )
    if args.optimizer_layout == "per_task" and args.aggregator != "sum":
        raise InputError(
            f"aggregator = '{args.aggregator}': with optimizer_layout 'per_task' each optimizer "
            "steps with its own task's gradient, and there is nothing to join; use siloed, single "
            "or overlapping"
        )
    if args.optimizer_layout in NEED_TASK_GRADIENTS and args.mixed_precision == "fp16":
        raise InputError(
            f"fp16: optimizer_layout '{args.optimizer_layout}' steps with gradients that its "
            "scaler does not see; use bf16"
        )


def _check_aggregator(args: ComposedOptions) -> None:
    """Make sure that the aggregator has several gradients to join, and knows whose they are."""
    alone = args.step_every == "batch" and args.gradient_accumulation_steps == 1
    if alone and args.aggregator != "sum":
        raise InputError(
            f"aggregator = '{args.aggregator}': with step_every 'batch' a step has one task's "
            "gradient only, and there is nothing to join; use step_every: cycle"
        )
    if alone and args.gradient_cosines:
        raise InputError(
            "gradient_cosines: with step_every 'batch' a step has one task's gradient only; use "
            "step_every: cycle"
        )
    for task in args.unscored_tasks:
        if task in (args.main_tasks or []):
            raise InputError(f"main_tasks: task '{task}' is auxiliary: true; leave one of them out")
        if args.auxiliary_tasks and task not in args.auxiliary_tasks:
            raise InputError(
                f"auxiliary_tasks: task '{task}' is auxiliary: true and is not named; name it, "
                f"too, or leave auxiliary_tasks out, which then are the tasks that are auxiliary"
            )


def _check_trained_parts(args: ComposedOptions) -> None:
    """Make sure that the tasks share what options of shared parameters are set for."""
    checkpointing = args.activation_checkpointing_kwargs or {}
    if args.trainable in WITH_ADAPTERS and checkpointing.get("use_reentrant"):
        raise InputError(
            f"activation_checkpointing_kwargs: with use_reentrant no gradient reaches what trains: "
            f"{args.trainable} trains inside a frozen encoder; leave use_reentrant out"
        )
    wanting = {
        f"aggregator = '{args.aggregator}'": args.aggregator != "sum",
        "gradient_cosines": args.gradient_cosines,
        f"layer_decay = {args.layer_decay!r}": args.layer_decay is not None,
        f"optimizer_layout = '{args.optimizer_layout}'": args.optimizer_layout
        in NEED_TASK_GRADIENTS,
    }
    for option, is_set in wanting.items():
        if is_set and args.trainable in WITHOUT_SHARED:
            raise InputError(
                f"{option}: with trainable: {args.trainable} the tasks share no parameters that "
                "are trained; leave it out, or use trainable: all or lora"
            )
