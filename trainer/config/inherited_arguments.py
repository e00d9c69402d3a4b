"""What holds for the arguments inherited from `TrainingArguments`, and checks of them."""

from dataclasses import fields
from typing import Any

from transformers import TrainingArguments
from transformers.integrations import get_available_reporting_integrations
from transformers.trainer_pt_utils import AcceleratorConfig

from trainer.errors import InputError
from trainer.options import OptionInfo, check_lowest, default_of

# Those that this trainer's own data path and loss leave without a meaning, and what to use.
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
    "train_sampling_strategy": "use task_sampling, stopping_strategy and length_window",
    "use_cache": "encoders keep no cache of keys and values",
}


def _each(names: str, **info: Any) -> dict[str, OptionInfo]:
    return {name: OptionInfo(**info) for name in names.split()}


# What holds for the others; those that are not named have the values of `OptionInfo()`.
INHERITED: dict[str, OptionInfo] = {
    **_each("activation_checkpointing activation_checkpointing_kwargs", group="model"),
    **_each("dataloader_drop_last dataloader_in_order", group="data", phase="run"),
    **_each("dataloader_multiprocessing_context", group="data", phase="run"),
    **_each(
        "dataloader_num_workers dataloader_persistent_workers dataloader_pin_memory "
        "dataloader_prefetch_factor",
        group="data",
        phase="run",
        resume="free",
    ),
    **_each("output_dir", group="run", phase="run", resume="free"),
    **_each("seed data_seed", group="run", phase="run", lowest=0),
    **_each("max_steps", group="cycle"),
    **_each("per_device_train_batch_size", group="cycle", lowest=1),
    **_each("gradient_accumulation_steps", group="cycle", lowest=1, card="always"),
    **_each("optim_args adam_beta1 adam_beta2 adam_epsilon", group="optimization"),
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
        "log_level log_level_replica log_on_each_node report_to disable_tqdm run_name",
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


def check_numbers(args: TrainingArguments) -> None:
    """Make sure that numbers are not below what makes sense.

    Raises:
        InputError: naming the argument.
    """
    for name, info in INHERITED.items():
        value = getattr(args, name)
        if info.lowest is not None and value is not None:
            check_lowest(name, value, info.lowest)
    if args.max_steps <= 0 and not 0 < args.num_train_epochs < float("inf"):
        raise InputError(f"num_train_epochs = {args.num_train_epochs!r}: must be above 0")
    for name in _ABOVE_ZERO:
        value = getattr(args, name)
        if value is not None and not value > 0:
            raise InputError(f"{name} = {value!r}: must be above 0; below 1 it is a share")


def check_report_to(args: TrainingArguments) -> None:
    """Make sure that what is reported to is installed.

    Raises:
        InputError: naming what is not.
    """
    installed = get_available_reporting_integrations()
    for name in args.report_to or []:
        if name not in installed:
            raise InputError(
                f"report_to = '{name}': is not installed (installed: "
                f"{', '.join(installed) or 'none'}); install it, or use report_to: none"
            )


def check_hub_options(mode: str, args: TrainingArguments) -> None:
    """Make sure that a run that publishes knows where to, and that no other has options for it.

    Raises:
        InputError: naming the option.
    """
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


def refuse_unsupported(args: TrainingArguments) -> None:
    """Make sure that no argument is set that has no effect here.

    Raises:
        InputError: naming the argument and what to use.
    """
    for f in fields(args):
        if f.name not in UNSUPPORTED_OPTIONS:
            continue
        # `AcceleratorConfig()` is what `TrainingArguments` puts in the place of nothing.
        if getattr(args, f.name) not in (default_of(f), None, False, [], {}, AcceleratorConfig()):
            raise InputError(
                f"{f.name} = {getattr(args, f.name)!r} has no effect on multitask training: "
                f"{UNSUPPORTED_OPTIONS[f.name]}"
            )
