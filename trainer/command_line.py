"""From a configuration file and command-line options to one checked set of arguments."""

import argparse
import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

import yaml
from transformers import HfArgumentParser

from trainer.argument_checks import UNUSED
from trainer.arguments import HybridMTLTrainingArguments
from trainer.checks import check_enough, check_regularizers, check_scored, check_sequence
from trainer.errors import InputError, nearest
from trainer.help_text import group_by_purpose
from trainer.run_arguments import RunArguments
from trainer.tasks import DEFAULT_TASKS, TaskEntry, read_tasks
from trainer.yaml_text import read_yaml

# Options of TrainingArguments that mean nothing to run_mtl.py, and what to use.
HIDDEN = {
    **UNUSED,
    "do_train": "use mode",
    "do_eval": "use mode",
    "do_predict": "use mode",
    "resume_from_checkpoint": "use resume",
    "task_args": "give the fields in the task's own entry under tasks",
    "remove_unused_columns": "the data path keeps just what the model reads",
    "label_names": "name a task's label column under columns in its entry",
    "eval_do_concat_batches": "each task's metrics are computed over its whole split",
    **dict.fromkeys(
        (
            "push_to_hub",
            "hub_model_id",
            "hub_strategy",
            "hub_token",
            "hub_private_repo",
            "hub_always_push",
            "hub_revision",
        ),
        "upload the finished folder with `hf upload NAME FOLDER`",
    ),
}


@dataclass
class Settings:
    """All that a run was told: its arguments and its tasks."""

    run: RunArguments
    training: HybridMTLTrainingArguments
    tasks: dict[str, TaskEntry]
    resolved: dict[str, Any]

    @property
    def data_seed(self) -> int:
        """The seed of all that is drawn for the data: `data_seed`, or `seed`."""
        args = self.training
        return args.seed if args.data_seed is None else args.data_seed


def parse(arguments: list[str]) -> Settings:
    """Read `[CONFIG.yaml] [--option value ...]`; options of the command line come last.

    Raises:
        InputError: naming the file and the option that is unknown, misspelt or wrong.
    """
    parser = build_parser()
    from_file: list[str] = []
    entries = None
    if arguments and not arguments[0].startswith("-"):
        config = read_config(Path(arguments[0]))
        entries = config.pop("tasks", None)
        from_file, arguments = _as_options(config, parser, arguments[0]), arguments[1:]
    task_options, arguments = _split_task_options(arguments)
    known = [name[2:] for name in parser._option_string_actions if name.startswith("--")]
    for option in arguments:
        if option.startswith("--"):
            _check_option(option[2:].split("=")[0], known, "command line")
    run, training = _parse_options(parser, [*from_file, *arguments])
    tasks = read_tasks(_override(entries, task_options))
    training.task_args = {name: vars(entry.training) for name, entry in tasks.items()}
    training.check_tasks()
    check_scored(tasks, training)
    check_enough(training, {name: entry.model for name, entry in tasks.items()})
    check_regularizers(training, training.make_regularizers(list(tasks)))
    training.make_rule(list(tasks))
    if training.task_order is not None and sorted(training.task_order) != sorted(tasks):
        raise InputError(
            f"task_order: must name each task once: {', '.join(tasks)}; "
            f"got {', '.join(training.task_order)}"
        )
    check_sequence(training.plan_sequence, tasks)
    return Settings(run, training, tasks, _resolved(run, training, tasks))


def _parse_options(
    parser: HfArgumentParser, options: list[str]
) -> tuple[RunArguments, HybridMTLTrainingArguments]:
    try:
        run, training, rest = parser.parse_args_into_dataclasses(
            options, return_remaining_strings=True, look_for_args_file=False
        )
    except InputError:
        raise
    except (ImportError, ValueError) as error:  # values that TrainingArguments refuses
        raise InputError(str(error)) from error
    if rest:
        raise InputError(
            f"command line: '{rest[0]}' is no option and no option's value; a configuration file "
            f"stands before all options"
        )
    return run, training


def read_config(path: Path) -> dict[str, Any]:
    """The options of a YAML file.

    Raises:
        InputError: if the file is missing or is not a YAML mapping.
    """
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; name a configuration file in it")
    if not path.is_file():
        raise InputError(f"there is no configuration file '{path}'")
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected 'option: value' lines, got {type(content).__name__}")
    return {str(key): value for key, value in content.items()}


# Taken from the classes: HfArgumentParser rewrites the types in their fields.
_TYPES = {**get_type_hints(RunArguments), **get_type_hints(HybridMTLTrainingArguments)}


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
        epilog="Every option can stand in CONFIG.yaml as 'option: value', a task's fields under "
        "'tasks: {NAME: {FIELD: value}}'.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    group_by_purpose(parser, HIDDEN)
    return parser


def _check_option(option: str, known: Iterable[str], where: str) -> None:
    field = option.replace("-", "_").removeprefix("no_")
    if field in HIDDEN:
        raise InputError(f"{where}: option '{option}' has no effect here: {HIDDEN[field]}")
    if option == "tasks":
        raise InputError(f"{where}: write --tasks.NAME.FIELD value for each field of a task")
    if option not in known:
        close = nearest(option.split(".")[0], [*known, "tasks"])
        raise InputError(f"{where}: unknown option '{option}'.{close}")


def _as_options(config: dict[str, Any], parser: argparse.ArgumentParser, where: str) -> list[str]:
    """A file's options as the command line has them; what that cannot say becomes a default."""
    actions = {name: parser._option_string_actions[f"--{name}"] for name in _TYPES}
    options: list[str] = []
    for name, value in config.items():
        _check_option(name, actions, where)
        if value is None:
            continue
        if isinstance(value, list):
            if not any(
                get_origin(kind) is list for kind in (_TYPES[name], *get_args(_TYPES[name]))
            ):
                raise InputError(f"{where}: option '{name}' takes one value, got {value!r}")
            if value and actions[name].nargs == "+":
                options += [f"--{name}", *map(str, value)]
            else:
                parser.set_defaults(**{name: value})
            continue
        if isinstance(value, dict):
            value = json.dumps(value)
        elif value is False and "no" in (actions[name].choices or ()):
            value = "no"  # which YAML reads as false
        options.append(f"--{name}={value}")
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
        if text is None or (text.startswith("--") and not given):
            raise InputError(f"command line: {option} needs a value")
        path = option.removeprefix("--tasks.").split(".")
        if len(path) != 2 and (len(path) != 3 or path[1] != "columns"):
            raise InputError(
                f"command line: {option}: expected --tasks.NAME.FIELD value, or "
                f"--tasks.NAME.columns.COLUMN value"
            )
        try:
            found.append((path, read_yaml(text)))
        except yaml.YAMLError as error:
            raise InputError(f"command line: {option}: {text!r} is not YAML") from error
    return found, others


def _override(entries: Any, options: list[tuple[list[str], Any]]) -> Any:
    entries = dict.fromkeys(DEFAULT_TASKS) if entries is None else entries
    if not isinstance(entries, Mapping):
        return entries  # for read_tasks to refuse, as below
    entries = dict(entries)
    for (name, *path), value in options:
        if name not in entries:
            raise InputError(
                f"command line: --tasks.{name}: the configuration has no task '{name}' (its tasks: "
                f"{', '.join(entries)}).{nearest(name, entries)}"
            )
        if not isinstance(entries[name] or {}, Mapping):
            continue
        entry = entries[name] = dict(entries[name] or {})
        if len(path) == 1:
            entry[path[0]] = value
            continue
        columns = entry.get("columns") or DEFAULT_TASKS.get(name, {}).get("columns", {})
        if isinstance(columns, Mapping):
            entry["columns"] = {**columns, path[1]: value}
    return entries


def _resolved(
    run: RunArguments, training: HybridMTLTrainingArguments, tasks: dict[str, TaskEntry]
) -> dict[str, Any]:
    """Every option as it stands, in the form of a configuration file."""
    options = {**dataclasses.asdict(run), **training.to_dict()}
    for name in (*HIDDEN, "accelerator_config", "resume", "overwrite_output_dir"):
        options.pop(name, None)
    options["tasks"] = {
        name: {field: value for part in vars(entry).values() for field, value in vars(part).items()}
        for name, entry in tasks.items()
    }
    return options
