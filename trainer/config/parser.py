"""Parses a configuration file and command-line options into checked settings."""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from trainer.config.auto_labels import find_labels_for
from trainer.config.extension_options import added_options
from trainer.config.extensions import load_extensions
from trainer.config.help_format import Index, whole_help
from trainer.config.help_text import option_index, task_fields
from trainer.config.inherited_arguments import UNSUPPORTED_OPTIONS, check_hub_options
from trainer.config.option_parser import OptionParser
from trainer.config.overrides import (
    override_phases,
    override_tasks,
    split_dotted,
    without_options,
)
from trainer.config.phases import PhaseEntry, read_phases
from trainer.config.run_arguments import RunArguments
from trainer.config.settings import Phase, Settings
from trainer.config.streaming_checks import check_streamed_tasks, check_streams
from trainer.config.task_checks import (
    check_best_metric,
    check_enough,
    check_regularizers,
    check_scored,
    check_sequence,
    check_submissions,
    check_weighted,
)
from trainer.config.task_selection import select_tasks, split_selection
from trainer.config.tasks import TaskEntry, read_tasks
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.config.yaml_text import read_yaml
from trainer.errors import InputError, did_you_mean
from trainer.evaluation import check_metrics
from trainer.options import info_of
from trainer.saving.run_folder import PHASES

# Options of TrainingArguments without an effect on a run, and what to use instead.
UNAVAILABLE_OPTIONS: dict[str, str] = {
    **UNSUPPORTED_OPTIONS,
    "do_train": "use mode",
    "do_eval": "use mode",
    "do_predict": "use mode",
    "resume_from_checkpoint": "use resume",
    "remove_unused_columns": "the data path keeps only the model's inputs",
    "label_names": "name a task's label column under columns in its entry",
    "eval_do_concat_batches": "each task's metrics are computed over its whole split",
    "hub_token": "log in with `hf auth login`, or use the environment variable HF_TOKEN",
    **{
        f.name: info.instead
        for f in dataclasses.fields(HybridMTLTrainingArguments)
        if (info := info_of(f)).instead is not None
    },
}


def parse(arguments: list[str]) -> Settings:
    """Parse `[CONFIG.yaml] [--option value ...]`; the command line overrides the file.

    Raises:
        InputError: naming the file and the option that is unknown, misspelled or wrong.
    """
    config: dict[str, Any] = {}
    where = "command line"
    folder = None
    if arguments and not arguments[0].startswith("-"):
        where, *arguments = arguments
        config = read_config(Path(where))
        folder = Path(where).parent
    return parse_config(config, where, folder, arguments)


def parse_config(
    config: Mapping[str, Any],
    where: str,
    folder: Path | None = None,
    arguments: list[str] | None = None,
) -> Settings:
    """Check a configuration.

    Args:
        config: option -> value, as in a configuration file.
        where: its source, for messages.
        folder: where its extensions may lie, besides the current folder.
        arguments: options of the command line, which override the configuration.

    Raises:
        InputError: as `parse`.
    """
    names, arguments = split_selection(arguments or [])
    config = dict(config) if names is None else select_tasks(config, names)
    # Extensions register options and choices, so they come first.
    extensions = load_extensions(_named_extensions(config, arguments), folder)
    parser = build_parser()
    entries, phases = config.pop("tasks", None), config.pop("phases", None)
    file_options = _as_options(config, parser, where)
    task_options, arguments = split_dotted(arguments, "tasks")
    phase_options, arguments = split_dotted(arguments, "phases")
    for option in arguments:
        if option.startswith("--"):
            _check_option(option[2:].split("=")[0], parser.known_options, "command line")
    run, training = _parse_options(parser, [*file_options, *arguments])
    run.extensions = extensions or None
    tasks = read_tasks(override_tasks(entries, task_options), find_labels_for(run))
    check_submissions(tasks, run.folds)
    phase_entries = read_phases(override_phases(phases, phase_options), tasks)
    training.task_args = {name: vars(entry.training) for name, entry in tasks.items()}
    check_hub_options(run.mode, training)
    if not phase_entries:
        _check(training, tasks)
    settings = Settings(run, training, tasks, _resolved(run, training, tasks, phase_entries))
    for index, entry in enumerate(phase_entries):
        parser = build_parser()
        kept = {name: value for name, value in config.items() if name not in entry.options}
        options = [*_as_options(kept, parser, where), *without_options(arguments, entry.options)]
        settings.phases.append(_phase(index, entry, settings, options, parser))
    if run.mode == "train":
        check_streamed_tasks(tasks, run.folds, settings.phases)
    return settings


def _phase(
    index: int,
    entry: PhaseEntry,
    settings: Settings,
    options: list[str],
    parser: OptionParser,
) -> Phase:
    """Return a phase with its arguments: the run's, updated with its own.

    The seed of a phase is the run's plus the number of phases before it.
    """
    place = f"phase '{entry.name}'"
    phase_options = _as_options(entry.options, parser, place)
    seed, data_seed = settings.training.seed, settings.training.data_seed
    phase_options.append(f"--seed={seed + index}")
    if data_seed is not None:
        phase_options.append(f"--data_seed={data_seed + index}")
    folder = Path(settings.training.output_dir) / PHASES / f"{index + 1}-{entry.name}"
    phase_options.append(f"--output_dir={folder}")
    try:
        _, training = _parse_options(parser, [*options, *phase_options])
        training.task_args = {
            name: {**vars(settings.tasks[name].training), **fields}
            for name, fields in entry.tasks.items()
        }
        if entry.objective == "tasks":
            _check(training, {name: settings.tasks[name] for name in entry.tasks})
            models = {name: settings.tasks[name].model for name in entry.tasks}
            best, greater = training.metric_for_best_model, training.greater_is_better
            check_best_metric(best, models, greater)
    except InputError as error:
        option = re.split(r"\W", str(error))[0]
        hint = ""
        if option not in entry.options and f"--{option}" in " ".join(options):
            hint = f"; the phase has '{option}' from the run: give it another value, or null"
        raise InputError(f"{place}: {error}{hint}") from error
    return Phase(entry.name, list(entry.tasks), entry.objective, training, entry.mask_share)


def _check(training: HybridMTLTrainingArguments, tasks: dict[str, TaskEntry]) -> None:
    """Check that training arguments fit the tasks that they train."""
    training.check_tasks()
    for entry in tasks.values():
        check_metrics(entry.model.kind, len(entry.model.labels or []) or None)
    models = {name: entry.model for name, entry in tasks.items()}
    check_scored(models, training)
    check_enough(training, models)
    check_weighted(tasks)
    check_regularizers(training, training.make_regularizers(list(tasks)))
    training.make_aggregator(list(tasks))
    if training.task_order is not None and sorted(training.task_order) != sorted(tasks):
        raise InputError(
            f"task_order: must name each task once: {', '.join(tasks)}; "
            f"got {', '.join(training.task_order)}"
        )
    check_sequence(training.task_sequence, tasks)
    streamed = {name: entry.source for name, entry in tasks.items() if entry.source.streaming}
    check_streams(training, {name: source.train_rows for name, source in streamed.items()})


def _parse_options(
    parser: OptionParser, options: list[str]
) -> tuple[RunArguments, HybridMTLTrainingArguments]:
    try:
        run, training, *others, rest = parser.parse_args_into_dataclasses(
            options, return_remaining_strings=True, look_for_args_file=False
        )
        given = {name: value for part in others for name, value in vars(part).items()}
        training.extension_options = {**training.extension_options, **given}
    except InputError:
        raise
    except (ImportError, ValueError) as error:  # values that TrainingArguments refuses
        raise InputError(str(error)) from error
    if rest:
        raise InputError(
            f"command line: '{rest[0]}' is neither an option nor a value; a configuration file "
            f"comes before all options"
        )
    training.check_values()
    return run, training


def index_with_extensions(arguments: list[str]) -> Index:
    """Return the index of options with those of the extensions that a command line names.

    Raises:
        InputError: if the configuration cannot be read, or an extension not be loaded.
    """
    config, folder = {}, None
    if arguments and not arguments[0].startswith("-"):
        config, folder = read_config(Path(arguments[0])), Path(arguments[0]).parent
    load_extensions(_named_extensions(config, arguments), folder)
    return option_index(UNAVAILABLE_OPTIONS)


def _named_extensions(config: dict[str, Any], arguments: list[str]) -> Any:
    """Return the run's `extensions`: the command line's, or else the file's."""
    if not any(argument.split("=")[0] == "--extensions" for argument in arguments):
        return config.get("extensions")
    first = OptionParser(())
    first.add_argument("--extensions", nargs="+")
    return first.parse_known_args(arguments)[0].extensions


def read_config(path: Path) -> dict[str, Any]:
    """Return the options of a YAML file.

    Raises:
        InputError: if the file is missing or is not a YAML mapping.
    """
    if path.is_dir():
        raise InputError(f"'{path}' is a folder; name a configuration file in it")
    if not path.is_file():
        raise InputError(f"there is no configuration file '{path}'")
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
        str(content)  # which fails for a number of thousands of digits
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected 'option: value' lines, got {type(content).__name__}")
    return {str(key): value for key, value in content.items()}


# Taken from the classes: HfArgumentParser rewrites the types in their fields.
_OWN_TYPES = {**get_type_hints(RunArguments), **get_type_hints(HybridMTLTrainingArguments)}


def _types() -> dict[str, Any]:
    """Return option -> type, with the options of extensions."""
    added = dict.fromkeys(added_options(HybridMTLTrainingArguments).values())
    return {**_OWN_TYPES, **{n: t for part in added for n, t in get_type_hints(part).items()}}


def build_parser() -> OptionParser:
    """Return a parser of every option."""
    added = added_options(HybridMTLTrainingArguments)
    kinds = (RunArguments, HybridMTLTrainingArguments, *dict.fromkeys(added.values()))
    return OptionParser(kinds, lambda: whole_help(option_index(UNAVAILABLE_OPTIONS)))


def _check_option(option: str, known: Iterable[str], where: str) -> None:
    field = option.replace("-", "_").removeprefix("no_")
    if field in UNAVAILABLE_OPTIONS:
        raise InputError(
            f"{where}: option '{option}' has no effect here: {UNAVAILABLE_OPTIONS[field]}"
        )
    if option == "phases":
        raise InputError(f"{where}: write --phases.NAME.FIELD value for each field")
    if option not in known:
        available = [n for n in known if n.replace("-", "_") not in UNAVAILABLE_OPTIONS]
        close = did_you_mean(option.split(".")[0], [*available, "tasks", "phases"])
        if field in task_fields():
            close += (
                f" '{field}' is a field of a task's entry: write it under tasks: NAME, or as "
                f"--tasks.NAME.{field} value"
            )
        close = (
            close
            or " hybrid-mtl train --help-all lists the options, and a task's fields at its end"
        )
        raise InputError(f"{where}: unknown option '{option}'.{close}")


def _as_options(config: dict[str, Any], parser: OptionParser, where: str) -> list[str]:
    """Return a file's options as on the command line; values it cannot express become defaults."""
    types = _types()
    options: list[str] = []
    for name, value in config.items():
        _check_option(name, types, where)
        if value is None:
            continue
        alternatives = (types[name], *get_args(types[name]))
        if isinstance(value, list):
            if not any(get_origin(kind) is list for kind in alternatives):
                raise InputError(f"{where}: option '{name}' takes one value, got {value!r}")
            if value and parser.takes_several(name):
                options += [f"--{name}", *map(str, value)]
            else:
                parser.set_defaults(**{name: value})
            continue
        if isinstance(value, dict):
            value = json.dumps(value)
        elif value is False and any("no" in _values(kind) for kind in alternatives):
            value = "no"  # which YAML reads as false
        options.append(f"--{name}={value}")
    return options


def _values(kind: Any) -> list[str]:
    members: dict[str, Any] = getattr(kind, "__members__", {})  # of an Enum
    return [str(member.value) for member in members.values()]


def _resolved(
    run: RunArguments,
    training: HybridMTLTrainingArguments,
    tasks: dict[str, TaskEntry],
    phases: list[PhaseEntry],
) -> dict[str, Any]:
    """Return every option as it stands, in the form of a configuration file."""
    options = {**dataclasses.asdict(run), **training.to_dict()}
    added = options["extension_options"]
    for name in (*UNAVAILABLE_OPTIONS, "accelerator_config", "resume", "overwrite_output_dir"):
        options.pop(name, None)
    options.update(added)
    options["tasks"] = {
        name: {field: value for part in vars(entry).values() for field, value in vars(part).items()}
        for name, entry in tasks.items()
    }
    if phases:
        options["phases"] = [phase.resolved() for phase in phases]
    return options
