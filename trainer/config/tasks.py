"""One task's entry in a configuration file, and the three default tasks."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, fields
from typing import Any, get_args, get_origin, get_type_hints

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from modeling_hybrid_mtl import TaskConfig
from trainer.data.augmentation import AUGMENTATIONS, TaskAugmentation
from trainer.data.derived_labels import DerivedLabels, complete_entry
from trainer.data.label_weights import check_class_weights
from trainer.data.labels import check_dataset_labels
from trainer.data.multi_labels import check_label_columns
from trainer.data.task_source import TaskSource
from trainer.errors import InputError, did_you_mean
from trainer.optimization import TaskTraining, check_task_name
from trainer.registry import HEADS

DEFAULT_TASKS: dict[str, dict[str, Any]] = {
    "sentiment": {
        "kind": "classification",
        "labels": ["very negative", "negative", "neutral", "positive", "very positive"],
        "dataset": "SetFit/sst5",
        "folder": "sst5",
    },
    "paraphrase": {
        "kind": "classification",
        "input": "pair",
        "labels": ["not paraphrase", "paraphrase"],
        "dataset": "nyu-mll/glue",
        "dataset_config": "qqp",
        "folder": "qqp",
        "columns": {"text": "question1", "text_pair": "question2"},
        "dataset_labels": ["not_duplicate", "duplicate"],
        # Quora's release has a few empty questions.
        "bad_rows": "drop",
    },
    "similarity": {
        "kind": "similarity",
        "input": "pair",
        "score_range": [0.0, 5.0],
        "dataset": "nyu-mll/glue",
        "dataset_config": "stsb",
        "folder": "stsb",
        "columns": {"text": "sentence1", "text_pair": "sentence2"},
    },
}


@dataclass
class TaskEntry:
    """All settings of one task: its model, data and training."""

    model: TaskConfig
    source: TaskSource
    training: TaskTraining
    augmentation: TaskAugmentation
    derived: DerivedLabels


_PARTS: dict[str, type] = {
    "model": TaskConfig,
    "source": TaskSource,
    "training": TaskTraining,
    "augmentation": TaskAugmentation,
    "derived": DerivedLabels,
}
_FIELDS = {f.name: f for part in _PARTS.values() for f in fields(part)}


# The class names of a task, by its name and its data.
FindLabels = Callable[[str, TaskSource], list[str]]


def read_tasks(
    entries: Mapping[str, Any] | None, find_labels: FindLabels | None = None
) -> dict[str, TaskEntry]:
    """Check a configuration's `tasks` and fill in the fields of default tasks.

    Args:
        entries: task name -> fields of `TaskConfig`, `TaskSource`, `TaskTraining`,
            `TaskAugmentation` and `DerivedLabels` in one mapping; a default task's name alone is
            enough. All three default tasks if None.
        find_labels: returns the class names of a task with `labels: auto`.

    Raises:
        InputError: naming the task and the field that is wrong.
    """
    if entries is None:
        entries = dict.fromkeys(DEFAULT_TASKS)
    if not isinstance(entries, Mapping) or not entries:
        raise InputError(
            f"tasks = {entries!r}: must be a mapping with at least one task's name and fields"
        )
    check_task_name(*map(str, entries))
    with_data = [str(name) for name, entry in entries.items() if not _is_derived(entry)]
    return {
        str(name): _read_entry(str(name), entry, with_data, find_labels)
        for name, entry in entries.items()
    }


def _is_derived(entry: Any) -> bool:
    return isinstance(entry, Mapping) and entry.get("label_generator") is not None


def _read_entry(
    name: str, entry: Any, with_data: list[str], find_labels: FindLabels | None
) -> TaskEntry:
    if entry is not None and not isinstance(entry, Mapping):
        raise InputError(f"task '{name}': expected a mapping of fields, got {entry!r}")
    merged = _over_defaults(name, dict(entry or {}))
    _check_fields(name, merged)
    if merged.get("augmentation") is not None:
        merged["augmentation"] = _read_steps(name, merged["augmentation"])
    is_auto = merged.get("labels") == "auto"
    if is_auto:
        _check_auto_labels(name, merged, find_labels)
        del merged["labels"]
    values = {
        key: coerce(value, _FIELDS[key].type, f"task '{name}': field '{key}'")
        for key, value in merged.items()
        if value is not None
    }
    label, head = values.get("columns", {}).get("label"), HEADS.get(values.get("kind", ""))
    if isinstance(label, list) and head is not None and head.output_type in ("class", "labels"):
        values.setdefault("labels", label)
    values = complete_entry(name, values, with_data)
    _check_data_name(name, values.get("data_name"))
    try:
        parts: dict[str, Any] = {
            part: kind(**{f.name: values[f.name] for f in fields(kind) if f.name in values})
            for part, kind in _PARTS.items()
        }
        if is_auto and find_labels is not None:
            parts["model"].labels = find_labels(name, parts["source"])
        parts["model"] = _model_of(name, parts["model"])
        check_dataset_labels(parts["model"], parts["source"])
        check_label_columns(parts["model"], parts["source"])
        check_class_weights("", parts["model"], parts["training"].class_weights)
        parts["augmentation"].check(parts["model"])
    except InputError as error:
        message = str(error).removeprefix(f"task '{name}': ")
        raise InputError(f"task '{name}': {message}") from error
    return TaskEntry(**parts)


def _check_auto_labels(name: str, entry: Mapping[str, Any], find: FindLabels | None) -> None:
    """Check that the classes of an entry with `labels: auto` can be found."""
    kind: Any = entry.get("kind")
    reason = None
    if find is None:
        reason = "the classes can be found by hybrid-mtl train only"
    elif _is_derived(entry):
        reason = "label_generator determines the labels"
    elif kind in HEADS and HEADS[kind].output_type == "score":
        reason = f"a task of kind '{kind}' has a score_range, not labels"
    elif entry.get("dataset_labels") is not None:
        reason = "dataset_labels would name the same classes twice"
    if reason is not None:
        raise InputError(f"task '{name}': labels: auto: {reason}; unset it, or list the labels")


def _check_fields(name: str, entry: Mapping[str, Any]) -> None:
    """Check that every field of an entry is one, and that it has a kind."""
    for key in entry:
        if key not in _FIELDS:
            raise InputError(
                f"task '{name}': unknown field '{key}'.{did_you_mean(str(key), _FIELDS)} The "
                "fields of a task are listed at the end of hybrid-mtl train --help-all"
            )
    if "kind" not in entry and not _is_derived(entry):
        names = ", ".join(DEFAULT_TASKS)
        raise InputError(
            f"task '{name}': field 'kind' is missing, and '{name}' is none of the default tasks "
            f"({names}).{did_you_mean(name, DEFAULT_TASKS)}"
        )


def _model_of(name: str, config: TaskConfig) -> TaskConfig:
    try:
        return TaskConfig.from_entry(name, config)
    except ValueError as error:
        # Its message names the task already.
        raise InputError(str(error).removeprefix(f"task '{name}': ")) from error


def _check_data_name(task: str, data_name: str | None) -> None:
    try:
        if data_name is not None:
            validate_repo_id(data_name)
    except HFValidationError as error:
        raise InputError(
            f"task '{task}': field 'data_name' = '{data_name}': is not the name of a dataset on "
            f"the Hub, such as nyu-mll/glue: {error}"
        ) from error


def _read_steps(name: str, steps: Any) -> list[dict[str, Any]]:
    """Return the methods of augmentation with their options; a name alone is enough."""
    if not isinstance(steps, (list, tuple)):
        steps = [steps]
    return [_read_step(f"task '{name}': augmentation", step) for step in steps]


def _read_step(place: str, step: Any) -> dict[str, Any]:
    given = {"method": step} if isinstance(step, str) else step
    if not isinstance(given, Mapping) or "method" not in given:
        raise InputError(
            f"{place}: expected a method's name or {{method: NAME, ...}}, got {step!r}"
        )
    method = str(given["method"])
    if method not in AUGMENTATIONS:
        known = ", ".join(AUGMENTATIONS)
        raise InputError(
            f"{place}: unknown method '{method}', known: "
            f"{known}.{did_you_mean(method, AUGMENTATIONS)}"
        )
    options = get_type_hints(AUGMENTATIONS[method])
    options = {f.name: options[f.name] for f in fields(AUGMENTATIONS[method])}
    read: dict[str, Any] = {"method": method}
    for key, value in given.items():
        if key == "method":
            continue
        if key not in options:
            raise InputError(
                f"{place}: {method}: unknown option '{key}'.{did_you_mean(str(key), options)}"
            )
        read[key] = coerce(value, options[key], f"{place}: {method}: option '{key}'")
    return read


def _drop_of_another_kind(defaults: dict[str, Any], entry: Mapping[str, Any]) -> None:
    """Drop the fields of a default task that an entry of another kind or input cannot have."""
    kind: Any = entry.get("kind") or defaults.get("kind")
    if kind != defaults.get("kind"):
        defaults.pop("labels", None)  # which name other classes
        if kind not in HEADS or HEADS[kind].output_type != "score":
            defaults.pop("score_range", None)
    takes_pairs = (entry.get("input") or defaults.get("input")) == "pair"
    if not takes_pairs or (kind in HEADS and "pair" not in HEADS[kind].inputs):
        defaults.pop("input", None)
        if "columns" in defaults:
            defaults["columns"].pop("text_pair", None)


def _over_defaults(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    defaults = {} if _is_derived(entry) else deepcopy(DEFAULT_TASKS.get(name, {}))
    _drop_of_another_kind(defaults, entry)
    has_rows = "dataset" in entry or "train_file" in entry
    if has_rows:
        # The default's configuration and bad rows are those of the default dataset.
        defaults.pop("dataset_config", None)
        defaults.pop("bad_rows", None)
    is_other_kind = entry.get("kind") not in (None, defaults.get("kind"))
    if has_rows or "labels" in entry or is_other_kind:
        defaults.pop("dataset_labels", None)
    if isinstance(entry.get("columns"), Mapping):
        entry["columns"] = {**defaults.get("columns", {}), **entry["columns"]}
    if entry.get("kind", "") is None:  # `null` stands for the default
        del entry["kind"]
    return {**defaults, **entry}


def coerce(value: Any, kind: Any, place: str) -> Any:
    """Convert a value read from YAML to the type of its field.

    Args:
        value: the value.
        kind: the field's type.
        place: the field, for messages.

    Raises:
        InputError: if it cannot be converted.
    """
    options = [option for option in get_args(kind) if option is not type(None)]
    if get_origin(kind) not in (list, dict) and options:
        nested = list if isinstance(value, (list, tuple)) else type(value)
        kind = next((o for o in options if nested is get_origin(o)), options[0])
    if get_origin(kind) is list:
        if not isinstance(value, (list, tuple)):
            raise InputError(f"{place} = {value!r}: must be a list")
        return [coerce(item, get_args(kind)[0], place) for item in value]
    if get_origin(kind) is dict:
        if not isinstance(value, Mapping):
            raise InputError(f"{place} = {value!r}: must be a mapping")
        item_kind = get_args(kind)[1]
        return {str(key): coerce(item, item_kind, place) for key, item in value.items()}
    return value if kind is Any else _coerce_plain(value, kind, place)


def _coerce_plain(value: Any, kind: Any, place: str) -> Any:
    if kind is bool:
        if not isinstance(value, bool):
            raise InputError(f"{place} = {value!r}: must be true or false")
        return value
    if kind is str:
        if isinstance(value, bool):
            raise InputError(f"{place}: YAML reads yes, no, true and false as {value}; quote them")
        if value is None or isinstance(value, (Mapping, list)):
            raise InputError(f"{place} = {value!r}: must be text")
        return str(value)
    try:
        number = float(value)
        if isinstance(value, bool) or (kind is int and number != int(number)):
            raise ValueError
    except (OverflowError, TypeError, ValueError):
        wanted = "a whole number" if kind is int else "a number"
        raise InputError(f"{place} = {value!r}: must be {wanted}") from None
    return kind(number)
