"""From a configuration file and command-line options to one checked set of arguments."""

import argparse
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml
from transformers import HfArgumentParser

from trainer.arguments import UNUSED, HybridMTLTrainingArguments
from trainer.errors import InputError, nearest
from trainer.run_arguments import RunArguments
from trainer.tasks import DEFAULT_TASKS, TaskEntry, read_tasks

# Options of TrainingArguments that mean nothing to run_mtl.py, and what to use.
HIDDEN = {
    **UNUSED,
    "do_train": "use mode",
    "do_eval": "use mode",
    "do_predict": "use mode",
    "resume_from_checkpoint": "use resume",
    "task_args": "give the fields in the task's own entry under tasks",
    "push_to_hub": "upload the finished folder with `hf upload NAME FOLDER`",
}
# Purpose -> the options shown under it, by name or by the beginning of their names.
PURPOSES = {
    "model": ("model_", "pooling", "backbone_", "max_length", "gradient_checkpointing"),
    "data": ("data_dir", "length_window", "dataloader_"),
    "run": ("mode", "output_dir", "overwrite_", "resume", "seed", "data_seed", "predict_"),
    "cycle": (
        "update",
        "stop",
        "cycles_per_epoch",
        "task_order",
        "num_train_epochs",
        "max_steps",
        "per_device_train",
        "gradient_accumulation",
    ),
    "optimization": (
        "layout",
        "learning_rate",
        "weight_decay",
        "lr_scheduler",
        "warmup",
        "optim",
        "adam_",
        "max_grad_norm",
    ),
    "evaluation": ("eval_", "per_device_eval", "metric_for", "greater_is", "load_best"),
    "checkpoints and logs": ("save_", "logging_", "log_", "report_to", "disable_tqdm", "run_name"),
    "precision and hardware": ("bf16", "fp16", "tf32", "use_cpu", "torch_compile"),
}


@dataclass
class Settings:
    """All that a run was told: its arguments and its tasks."""

    run: RunArguments
    training: HybridMTLTrainingArguments
    tasks: dict[str, TaskEntry]
    resolved: dict[str, Any]


def parse(arguments: list[str]) -> Settings:
    """Read `[CONFIG.yaml] [--option value ...]`; options of the command line come last.

    Raises:
        InputError: naming the file and the option that is unknown, misspelt or wrong.
    """
    parser = build_parser()
    config: dict[str, Any] = {}
    if arguments and not arguments[0].startswith("-"):
        config, arguments = read_config(Path(arguments[0])), arguments[1:]
    known = _known_options(parser)
    task_options, arguments = _split_task_options(arguments)
    entries = config.pop("tasks", None)
    for option in config:
        _check_option(option, known, "config file")
    for option in arguments:
        if option.startswith("--"):
            _check_option(option[2:].split("=")[0], known, "command line")
    run, training = parser.parse_args_into_dataclasses([*_as_options(config), *arguments])
    tasks = read_tasks(_override(entries, task_options))
    training.task_args = {name: vars(entry.training) for name, entry in tasks.items()}
    for name in tasks:
        training.task_training(name)
    if training.task_order is not None and sorted(training.task_order) != sorted(tasks):
        raise InputError(
            f"task_order: must name each task once: {', '.join(tasks)}; "
            f"got {', '.join(training.task_order)}"
        )
    return Settings(run, training, tasks, _resolved(run, training, tasks))


def read_config(path: Path) -> dict[str, Any]:
    """The options of a YAML file.

    Raises:
        InputError: if the file is missing or is not a YAML mapping.
    """
    if not path.is_file():
        raise InputError(f"there is no configuration file '{path}'")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected 'option: value' lines, got {type(content).__name__}")
    return {str(key): value for key, value in content.items()}


class _Parser(HfArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (--help lists all options)")


def build_parser() -> HfArgumentParser:
    """A parser of every option, grouped by purpose."""
    parser = _Parser(
        (RunArguments, HybridMTLTrainingArguments),
        prog="run_mtl.py",
        usage="run_mtl.py [CONFIG.yaml] [--option value ...] [--tasks.NAME.FIELD value ...]",
        description="Train, evaluate or apply one encoder for several sentence tasks.",
        epilog="A task's fields: --tasks.sentiment.learning_rate 2e-5. Every option can stand in "
        "CONFIG.yaml as 'option: value', a task's fields under 'tasks: {NAME: {FIELD: value}}'.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _group_by_purpose(parser)
    return parser


def _group_by_purpose(parser: argparse.ArgumentParser) -> None:
    # Groups only order the help text; every action stays known to the parser.
    groups = {purpose: parser.add_argument_group(purpose) for purpose in PURPOSES}
    rest = parser.add_argument_group("everything else of transformers.TrainingArguments")
    options = parser._optionals._group_actions
    for action in list(options):
        if action.dest == "help":
            continue
        options.remove(action)
        if action.dest in HIDDEN:
            continue
        groups.get(_purpose(action.dest), rest)._group_actions.append(action)


def _purpose(option: str) -> str:
    for purpose, beginnings in PURPOSES.items():
        if any(
            option.startswith(b) if b.endswith("_") else option == b or option.startswith(b + "_")
            for b in beginnings
        ):
            return purpose
    return ""


def _known_options(parser: argparse.ArgumentParser) -> list[str]:
    names = [name for action in parser._actions for name in action.option_strings]
    return [name.removeprefix("--") for name in names if name.startswith("--")]


def _check_option(option: str, known: list[str], where: str) -> None:
    if option in HIDDEN:
        raise InputError(f"{where}: option '{option}' has no effect here: {HIDDEN[option]}")
    if option not in known:
        raise InputError(f"{where}: unknown option '{option}'.{nearest(option, [*known, 'tasks'])}")


def _as_options(config: dict[str, Any]) -> list[str]:
    options: list[str] = []
    for name, value in config.items():
        if value is None:
            continue
        options.append(f"--{name}")
        if isinstance(value, (list, tuple)):
            options += [str(item) for item in value]
        else:
            options.append(json.dumps(value) if isinstance(value, dict) else str(value))
    return options


def _split_task_options(arguments: list[str]) -> tuple[list[tuple[list[str], Any]], list[str]]:
    """`--tasks.NAME.FIELD value` as ([NAME, FIELD], value), and all other arguments."""
    found: list[tuple[list[str], Any]] = []
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("--tasks."):
            others.append(argument)
            continue
        option, given, value = argument.partition("=")
        text = value if given else next(rest, None)
        if text is None:
            raise InputError(f"command line: {option} needs a value")
        path = option.removeprefix("--tasks.").split(".")
        if len(path) not in (2, 3):
            raise InputError(f"command line: {option}: expected --tasks.NAME.FIELD value")
        found.append((path, yaml.safe_load(text)))
    return found, others


def _override(entries: Any, options: list[tuple[list[str], Any]]) -> Any:
    if not options:
        return entries
    entries = dict.fromkeys(DEFAULT_TASKS) if entries is None else dict(entries)
    for (name, *path), value in options:
        if name not in entries:
            raise InputError(
                f"command line: --tasks.{name}: the configuration has no task '{name}' (its tasks: "
                f"{', '.join(entries)}).{nearest(name, entries)}"
            )
        entry = entries[name] = dict(entries[name] or {})
        if len(path) == 2:
            nested = dict(DEFAULT_TASKS.get(name, {}).get(path[0], {}), **(entry.get(path[0]) or {}))
            entry[path[0]] = {**nested, path[1]: value}
        else:
            entry[path[0]] = value
    return entries


def _resolved(
    run: RunArguments, training: HybridMTLTrainingArguments, tasks: dict[str, TaskEntry]
) -> dict[str, Any]:
    """Every option as it stands, in the form of a configuration file."""
    options = {**dataclasses.asdict(run), **training.to_dict()}
    for name in (*HIDDEN, "hub_token", "accelerator_config", "resume", "overwrite_output_dir"):
        options.pop(name, None)
    options["tasks"] = {
        name: {**vars(entry.model), **vars(entry.source), **vars(entry.training)}
        for name, entry in tasks.items()
    }
    return options
