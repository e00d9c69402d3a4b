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
    _check_rule(args)
    _check_trained_parts(args)


def _check_layout(args: ComposedOptions) -> None:
    """Make sure that the layout reads the learning rates and can take the steps."""
    for name, entry in args.own_of_tasks.items() if args.layout == "single" else ():
        for key in ("learning_rate", "weight_decay", *SCHEDULE_FIELDS):
            if entry.get(key) is not None:
                raise InputError(
                    f"task '{name}': {key}: layout 'single' has one {key} for everything; "
                    f"leave it out, or use layout: siloed"
                )
    if args.layout == "per_task" and args.rule != "sum":
        raise InputError(
            f"rule = '{args.rule}': with layout 'per_task' each optimizer steps with its own "
            f"task's gradient, and there is nothing to join; use siloed, single or overlapping"
        )
    if args.layout in NEED_TASK_GRADIENTS and args.mixed_precision == "fp16":
        raise InputError(
            f"fp16: layout '{args.layout}' steps with gradients that its scaler does not see; "
            f"use bf16"
        )


def _check_rule(args: ComposedOptions) -> None:
    """Make sure that the aggregator has several gradients to join, and knows whose they are."""
    alone = args.update == "turn" and args.gradient_accumulation_steps == 1
    if alone and args.rule != "sum":
        raise InputError(
            f"rule = '{args.rule}': with update 'turn' a step has one task's gradient only, "
            f"and there is nothing to join; use update: cycle"
        )
    if alone and args.gradient_cosines:
        raise InputError(
            "gradient_cosines: with update 'turn' a step has one task's gradient only; use "
            "update: cycle"
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
    if args.trains in WITH_ADAPTERS and checkpointing.get("use_reentrant"):
        raise InputError(
            f"activation_checkpointing_kwargs: with use_reentrant no gradient reaches what trains: "
            f"{args.trains} trains inside a frozen encoder; leave use_reentrant out"
        )
    wanting = {
        f"rule = '{args.rule}'": args.rule != "sum",
        "gradient_cosines": args.gradient_cosines,
        f"layer_decay = {args.layer_decay!r}": args.layer_decay is not None,
        f"layout = '{args.layout}'": args.layout in NEED_TASK_GRADIENTS,
    }
    for option, is_set in wanting.items():
        if is_set and args.trains in WITHOUT_SHARED:
            raise InputError(
                f"{option}: with trains: {args.trains} the tasks share no parameters that are "
                f"trained; leave it out, or use trains: all or lora"
            )
