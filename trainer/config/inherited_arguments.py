"""Metadata and checks of the arguments inherited from `TrainingArguments`."""

import inspect
import multiprocessing
from collections.abc import Callable, Collection
from dataclasses import fields
from importlib import import_module
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint
from transformers import TrainingArguments
from transformers.integrations import get_available_reporting_integrations
from transformers.trainer_pt_utils import AcceleratorConfig
from transformers.training_args import trainer_log_levels

from trainer.errors import InputError, did_you_mean
from trainer.options import (
    MAX_WHOLE,
    OptionInfo,
    check_choice,
    check_lowest,
    default_of,
    read_mapping,
)

# Arguments without an effect on this trainer, and what to use instead.
UNSUPPORTED_OPTIONS = {
    "accelerator_config": "batches are divided among processes by the trainer's own sampler",
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
        "it shards parameters, which the optimizer layouts do not support; use several processes "
        "without it",
    ),
    "eval_accumulation_steps": "predictions are moved off the device after every batch",
    "eval_use_gather_object": "predictions are always gathered",
    "fp16_full_eval": "load the model with dtype float16 instead",
    "include_for_metrics": "metrics are computed from predictions and labels only",
    "include_num_input_tokens_seen": "token counts are not tracked",
    "label_smoothing_factor": "each head has its own loss; set label_smoothing in a task's entry",
    **dict.fromkeys(("liger_kernel_config", "use_liger_kernel"), "it has no kernels for encoders"),
    "length_column_name": "lengths are counted when the texts are tokenized",
    "optim_target_modules": "optimizer_layout divides the parameters among optimizers",
    "prediction_loss_only": "evaluation always computes every task's metrics",
    "torch_empty_cache_steps": "set PYTORCH_CUDA_ALLOC_CONF if memory is fragmented",
    "train_sampling_strategy": "use task_sampling, stopping_strategy and length_window",
    "use_cache": "encoders keep no cache of keys and values",
}


def _each(names: str, **info: Any) -> dict[str, OptionInfo]:
    return {name: OptionInfo(**info) for name in names.split()}


# The others; those that are not named have the values of `OptionInfo()`.
INHERITED: dict[str, OptionInfo] = {
    **_each("activation_checkpointing activation_checkpointing_kwargs", group="model"),
    **_each("dataloader_drop_last dataloader_in_order", group="data", phase="run"),
    **_each("dataloader_multiprocessing_context", group="data", phase="run"),
    **_each("dataloader_num_workers", group="data", phase="run", resume="free", lowest=0),
    **_each(
        "dataloader_persistent_workers dataloader_pin_memory dataloader_prefetch_factor",
        group="data",
        phase="run",
        resume="free",
    ),
    **_each("output_dir", group="run", phase="run", resume="free"),
    **_each("seed data_seed", group="run", phase="run", lowest=0),
    **_each("max_steps", group="cycle"),
    **_each("per_device_train_batch_size", group="cycle", lowest=1),
    **_each("gradient_accumulation_steps", group="cycle", lowest=1, card="always"),
    **_each("optim_args adam_beta1 adam_beta2", group="optimization"),
    **_each("adam_epsilon", group="optimization", lowest=0),
    **_each("neftune_noise_alpha", lowest=0),
    **_each("eval_strategy eval_steps eval_on_start", group="evaluation"),
    **_each("eval_delay", group="evaluation", lowest=0),
    **_each("per_device_eval_batch_size", group="evaluation", lowest=1),
    **_each("load_best_model_at_end", group="evaluation"),
    **_each("greater_is_better", group="evaluation", phase="tasks"),
    **_each("save_strategy save_steps save_only_model", group="checkpoints and logs"),
    **_each("save_on_each_node", group="checkpoints and logs"),
    **_each("save_total_limit", group="checkpoints and logs", resume="free", lowest=1),
    **_each("logging_strategy logging_steps logging_first_step", group="checkpoints and logs"),
    **_each(
        "log_level_replica log_on_each_node report_to run_name",
        group="checkpoints and logs",
        phase="run",
        resume="free",
    ),
    **_each(
        "push_to_hub hub_model_id hub_strategy hub_private_repo hub_always_push hub_revision",
        group="the Hub",
        resume="free",
    ),
    **_each("bf16 fp16 tf32 torch_compile", group="precision and hardware"),
    **_each("torch_compile_backend torch_compile_mode", group="precision and hardware"),
    **_each("use_cpu", group="precision and hardware", phase="run"),
    **_each("debug full_determinism", phase="run"),
    **_each(
        "project trackio_space_id trackio_bucket_id trackio_static_space_id",
        phase="run",
        resume="free",
    ),
}
_ABOVE_ZERO = ("eval_steps", "logging_steps", "save_steps")
# Options whose values `TrainingArguments` does not check -> their values.
_CHOICES: dict[str, Callable[[], Collection[str]]] = {
    "log_level": lambda: trainer_log_levels,
    "log_level_replica": lambda: trainer_log_levels,
    "dataloader_multiprocessing_context": multiprocessing.get_all_start_methods,
    "ddp_backend": lambda: torch.distributed.Backend.backend_list,
    "torch_compile_backend": lambda: torch.compiler.list_backends(exclude_tags=()),
    "torch_compile_mode": lambda: import_module("torch._inductor").list_mode_options(),
}


def check_choices(args: TrainingArguments) -> None:
    """Check options that would otherwise fail during the run.

    Raises:
        InputError: naming the argument.
    """
    if args.output_dir is not None and not str(args.output_dir).strip():
        raise InputError("output_dir: is empty; name a folder")
    for name, choices in _CHOICES.items():
        value = getattr(args, name)
        if value is not None:
            check_choice(name, value, choices())
    for name in ("dataloader_persistent_workers", "dataloader_multiprocessing_context"):
        if getattr(args, name) and args.dataloader_num_workers == 0:
            raise InputError(
                f"{name} = {getattr(args, name)!r}: has no effect without worker processes; "
                "unset it, or set dataloader_num_workers"
            )
    if any("=" not in part for part in (args.optim_args or "=").split(",")):
        raise InputError(f"optim_args = {args.optim_args!r}: expected 'name=value,name=value'")
    allowed = inspect.signature(checkpoint).parameters
    for name in read_mapping(
        "activation_checkpointing_kwargs", args.activation_checkpointing_kwargs, "name -> value"
    ):
        if name not in allowed:
            raise InputError(
                f"activation_checkpointing_kwargs: there is no '{name}' among the arguments of "
                f"torch.utils.checkpoint.checkpoint.{did_you_mean(str(name), allowed)}"
            )


def check_numbers(args: TrainingArguments) -> None:
    """Check that numbers are not below their lowest sensible value.

    Raises:
        InputError: naming the argument.
    """
    for name, info in INHERITED.items():
        value = getattr(args, name)
        if info.lowest is not None and value is not None:
            check_lowest(name, value, info.lowest)
    for name in ("adam_beta1", "adam_beta2"):
        if not 0 <= getattr(args, name) < 1:
            raise InputError(f"{name} = {getattr(args, name)!r}: must be from 0 to below 1")
    if args.max_steps <= 0 and not 0 < args.num_train_epochs < MAX_WHOLE:
        raise InputError(
            f"num_train_epochs = {args.num_train_epochs!r}: must be above 0 and below {MAX_WHOLE}"
        )
    for name in _ABOVE_ZERO:
        value = getattr(args, name)
        if value is not None and not value > 0:
            raise InputError(f"{name} = {value!r}: must be above 0; below 1 it is a share")


def check_report_to(args: TrainingArguments) -> None:
    """Check that the integrations of `report_to` are installed.

    Raises:
        InputError: naming the one that is not.
    """
    if not args.report_to:
        return  # to look for every integration takes longer than all other checks
    installed = get_available_reporting_integrations()
    for name in args.report_to:
        if name not in installed:
            raise InputError(
                f"report_to = '{name}': is not installed (installed: "
                f"{', '.join(installed) or 'none'}); install it, or use report_to: none"
            )


def check_hub_options(mode: str, args: TrainingArguments) -> None:
    """Check that a run that publishes names a repository, and that others set no option of the Hub.

    Raises:
        InputError: naming the option.
    """
    if args.push_to_hub and mode != "train":
        raise InputError(
            f"push_to_hub: mode '{mode}' trains no model; publish a trained one with "
            f"hybrid-mtl push FOLDER REPO"
        )
    if args.push_to_hub and not args.hub_model_id:
        raise InputError(
            "push_to_hub: name the repository with --hub_model_id, such as --hub_model_id me/name"
        )
    for f in fields(args):
        given = getattr(args, f.name)
        if f.name.startswith("hub_") and not args.push_to_hub and given != f.default:
            raise InputError(f"{f.name} = {given!r}: has no effect without push_to_hub; add it")


def refuse_unsupported(args: TrainingArguments) -> None:
    """Check that no argument without an effect is set.

    Raises:
        InputError: naming the argument and what to use.
    """
    for f in fields(args):
        if f.name not in UNSUPPORTED_OPTIONS:
            continue
        # `TrainingArguments` replaces None by `AcceleratorConfig()`.
        if getattr(args, f.name) not in (default_of(f), None, False, [], {}, AcceleratorConfig()):
            raise InputError(
                f"{f.name} = {getattr(args, f.name)!r} has no effect on multitask training: "
                f"{UNSUPPORTED_OPTIONS[f.name]}"
            )
