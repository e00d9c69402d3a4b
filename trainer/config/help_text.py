"""What `run_mtl.py --help` shows: every option by purpose, and the fields of a task's entry."""

import argparse
import inspect
import re
from collections.abc import Container

from modeling_hybrid_mtl import TaskConfig
from trainer.config.extension_options import added_options
from trainer.config.phases import PhaseEntry
from trainer.config.training_arguments import HybridMTLTrainingArguments, TaskTraining
from trainer.data.augmentation import TaskAugmentation
from trainer.data.derived_labels import MadeLabels
from trainer.data.sources import TaskSource
from trainer.registry import AGGREGATORS, SAMPLERS

# Purpose -> the options shown under it, by name or by the beginning of their names.
PURPOSES = {
    "model": (
        "model_",
        "extensions",
        "pooling",
        "backbone_",
        "max_length",
        "gradient_checkpointing",
    ),
    "data": ("data_dir", "length_window", "dataloader_"),
    "run": (
        "mode",
        "output_dir",
        "overwrite_",
        "resume",
        "merged_adapters",
        "seed",
        "data_seed",
        "predict_",
        "language",
        "license",
        "keep_auxiliary",
    ),
    "cycle": (
        "update",
        "stop",
        "cycles_per_epoch",
        "plan",
        "task_order",
        "num_train_epochs",
        "max_steps",
        "per_device_train",
        "gradient_accumulation",
    ),
    "optimization": (
        "trains",
        "lora_",
        "layout",
        "layer_decay",
        "ema_decay",
        "learning_rate",
        "weight_decay",
        "lr_scheduler",
        "warmup",
        "optim",
        "adam_",
        "max_grad_norm",
    ),
    "objective": (
        "rule",
        "main_tasks",
        "auxiliary_",
        "gradient_cosines",
        "loss_weights",
        "smart_",
        "bregman_",
        "rdrop_",
        "nonfinite",
    ),
    "evaluation": ("eval_", "per_device_eval", "metric_", "greater_is", "load_best"),
    "checkpoints and logs": ("save_", "logging_", "log_", "report_to", "disable_tqdm", "run_name"),
    "the Hub": ("push_to_hub", "hub_"),
    "precision and hardware": ("bf16", "fp16", "tf32", "use_cpu", "torch_compile"),
}


def group_by_purpose(parser: argparse.ArgumentParser, hidden: Container[str]) -> None:
    """Order a parser's help text by purpose and add the fields of a task's entry.

    Groups only order the text; every action stays known to the parser.

    Args:
        parser: a parser of all options.
        hidden: options that the text leaves out.
    """
    groups = {purpose: parser.add_argument_group(purpose) for purpose in PURPOSES}
    added = added_options(HybridMTLTrainingArguments)
    extensions = parser.add_argument_group("extensions") if added else None
    rest = parser.add_argument_group("everything else of transformers.TrainingArguments")
    options = parser._optionals._group_actions
    for action in list(options):
        if action.dest == "help":
            continue
        options.remove(action)
        if action.dest in hidden:
            continue
        for registry in (AGGREGATORS, SAMPLERS):
            if registry.option == action.dest:
                action.help = f"{action.help} Choices: {', '.join(registry)}."
        group = groups.get(_purpose(action.dest), rest)
        if extensions is not None and action.dest in added:
            group = extensions
        group._group_actions.append(action)
    fields = parser.add_argument_group(
        "a task's own", "A value is YAML: --tasks.sentiment.hidden_sizes '[384]'."
    )
    for field, meaning in task_fields().items():
        # Shown, and unknown to the parser: the names of tasks are the user's.
        shown = argparse.Action([f"--tasks.NAME.{field}"], field, metavar="VALUE", help=meaning)
        shown.default = argparse.SUPPRESS
        fields._group_actions.append(shown)
    phases = parser.add_argument_group(
        "a phase's own",
        "'phases' in CONFIG.yaml is a list of mappings with these fields and any training option "
        "that is to differ in the phase: --phases.NAME.learning_rate 1e-5.",
    )
    for field, meaning in documented(PhaseEntry).items():
        if field != "options":
            flag = f"--phases.NAME.{field}"
            shown = argparse.Action([flag], field, metavar="VALUE", help=meaning)
            shown.default = argparse.SUPPRESS
            phases._group_actions.append(shown)


def _purpose(option: str) -> str:
    for purpose, beginnings in PURPOSES.items():
        if any(
            option.startswith(b) if b.endswith("_") else option == b or option.startswith(b + "_")
            for b in beginnings
        ):
            return purpose
    return ""


def task_fields() -> dict[str, str]:
    """Field of a task's entry -> what it means."""
    fields: dict[str, str] = {}
    for part in (TaskConfig, TaskSource, MadeLabels, TaskAugmentation, TaskTraining):
        fields.update(documented(part))
    return fields


def documented(kind: type) -> dict[str, str]:
    """Field -> what it means, as its class documents it."""
    fields: dict[str, str] = {}
    _, _, attributes = inspect.getdoc(kind).partition("Attributes:\n")  # type: ignore[union-attr]
    for entry in re.split(r"\n(?=    \w)", attributes.rstrip()):
        name, _, meaning = entry.partition(":")
        fields[name.strip()] = " ".join(meaning.replace("`", "'").split()).replace("%", "%%")
    return fields
