"""What the training arguments must be; every check raises `InputError` and names the argument."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from transformers.integrations import get_available_reporting_integrations
from transformers.trainer_pt_utils import AcceleratorConfig

from trainer.errors import InputError
from trainer.objective.aggregators import RuleOptions
from trainer.optimization import NEED_TASK_GRADIENTS, SCHEDULE_FIELDS
from trainer.options import check_lowest

if TYPE_CHECKING:
    from trainer.config.training_arguments import HybridMTLTrainingArguments

# Inherited arguments that this trainer's own data path and loss leave without a meaning.
UNUSED = {
    "accelerator_config": "batches are divided among processes by the plans' own sampler",
    "auto_find_batch_size": "set per_device_train_batch_size, or batch_size per task",
    "average_tokens_across_devices": "a loss is a mean over rows, not over tokens",
    "batch_eval_metrics": "each task's metrics are computed over its whole split",
    "bf16_full_eval": "load the model with dtype bfloat16 instead",
    **dict.fromkeys(
        (
            "ddp_broadcast_buffers",
            "ddp_bucket_cap_mb",
            "ddp_find_unused_parameters",
            "ddp_static_graph",
        ),
        "gradients are averaged over processes once per step, without DistributedDataParallel",
    ),
    **dict.fromkeys(
        ("deepspeed", "fsdp", "fsdp_config", "parallelism_config"),
        "it divides the parameters in ways of its own, which the layouts do not know; use several "
        "processes without it",
    ),
    "eval_accumulation_steps": "predictions are moved off the device after every batch",
    "eval_use_gather_object": "predictions are always gathered",
    "fp16_full_eval": "load the model with dtype float16 instead",
    "include_for_metrics": "the metrics see predictions and labels only",
    "include_num_input_tokens_seen": "token counts are not tracked",
    "label_smoothing_factor": "each head has a loss of its own",
    **dict.fromkeys(("liger_kernel_config", "use_liger_kernel"), "it has no kernels for encoders"),
    "length_column_name": "lengths are counted when the texts are tokenised",
    "optim_target_modules": "the layout says which parameters an optimizer gets",
    "prediction_loss_only": "evaluation always computes every task's metrics",
    "torch_empty_cache_steps": "set PYTORCH_CUDA_ALLOC_CONF if memory is fragmented",
    "train_sampling_strategy": "use plan, stop and length_window",
    "use_cache": "encoders keep no cache of keys and values",
}
# Lowest sensible values of arguments that `TrainingArguments` takes at any value.
LOWEST = {
    "cycles_per_epoch": 1,
    "data_seed": 0,
    "gradient_accumulation_steps": 1,
    "eval_delay": 0,
    "learning_rate": 0,
    "length_window": 0,
    "max_grad_norm": 0,
    "per_device_eval_batch_size": 1,
    "per_device_train_batch_size": 1,
    "save_total_limit": 1,
    "seed": 0,
    "warmup_steps": 0,
    "weight_decay": 0,
}
ABOVE_ZERO = ("eval_steps", "logging_steps", "save_steps")


def check_numbers(args: HybridMTLTrainingArguments) -> None:
    """Make sure that numbers are not below what makes sense."""
    for name, lowest in LOWEST.items():
        if getattr(args, name) is not None:
            check_lowest(name, getattr(args, name), lowest)
    if args.max_steps <= 0 and not 0 < args.num_train_epochs < math.inf:
        raise InputError(f"num_train_epochs = {args.num_train_epochs!r}: must be above 0")
    for name in ABOVE_ZERO:
        value = getattr(args, name)
        if value is not None and not value > 0:
            raise InputError(f"{name} = {value!r}: must be above 0; below 1 it is a share")


def check_shares(args: HybridMTLTrainingArguments) -> None:
    """Make sure that shares are shares, and that something reads them."""
    rate = args.loss_weights_learning_rate
    if rate is not None:
        check_lowest("loss_weights_learning_rate", rate, 0)
        if args.loss_weights == "fixed":
            raise InputError(
                "loss_weights_learning_rate: has no effect with loss_weights 'fixed'; use "
                "uncertainty"
            )
    if args.layer_decay is not None and not 0 < args.layer_decay <= 1:
        raise InputError(f"layer_decay = {args.layer_decay!r}: must be above 0, at most 1")
    if args.ema_decay is not None and not 0 <= args.ema_decay < 1:
        raise InputError(f"ema_decay = {args.ema_decay!r}: must be from 0 to below 1")


def check_layout(args: HybridMTLTrainingArguments) -> None:
    """Make sure that the layout reads the learning rates and can take the steps."""
    entries: Any = args.task_args
    for name, entry in entries.items() if args.layout == "single" else ():
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


def check_rule(args: HybridMTLTrainingArguments) -> None:
    """Make sure that the update rule has several gradients to join."""
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
    scaled = args.auxiliary_scale != RuleOptions.auxiliary_scale
    if args.rule != "mtrec" and (args.main_tasks or args.auxiliary_tasks or scaled):
        raise InputError(
            f"main_tasks, auxiliary_tasks, auxiliary_scale: rule '{args.rule}' does not read them; "
            f"use rule: mtrec"
        )


def check_report_to(args: HybridMTLTrainingArguments) -> None:
    """Make sure that what is reported to is installed."""
    installed = get_available_reporting_integrations()
    for name in args.report_to or []:
        if name not in installed:
            raise InputError(
                f"report_to = '{name}': is not installed (installed: "
                f"{', '.join(installed) or 'none'}); install it, or use report_to: none"
            )


def check_hub_options(mode: str, args: HybridMTLTrainingArguments) -> None:
    """Make sure that a run that publishes knows where to, and that no other has options for it."""
    if args.push_to_hub and mode != "train":
        raise InputError(
            f"push_to_hub: mode '{mode}' makes no model; publish a trained one with "
            f"scripts/push_to_hub.py FOLDER REPO"
        )
    if args.push_to_hub and not args.hub_model_id:
        raise InputError(
            "push_to_hub: name the repository with --hub_model_id, such as --hub_model_id me/name"
        )
    for f in fields(args):
        given = getattr(args, f.name)
        if f.name.startswith("hub_") and not args.push_to_hub and given != f.default:
            raise InputError(f"{f.name} = {given!r}: has no effect without push_to_hub; add it")


def refuse_unused(args: HybridMTLTrainingArguments) -> None:
    """Make sure that no argument is set that has no effect here."""
    for f in fields(args):
        if f.name not in UNUSED:
            continue
        default = f.default_factory() if callable(f.default_factory) else f.default
        # `AcceleratorConfig()` is what `TrainingArguments` puts in the place of nothing.
        if getattr(args, f.name) not in (default, None, False, [], {}, AcceleratorConfig()):
            raise InputError(
                f"{f.name} = {getattr(args, f.name)!r} has no effect on multitask training: "
                f"{UNUSED[f.name]}"
            )
