"""Checks that a resumed run has the options, rows and processes that it began with."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import yaml

from trainer.config.extension_options import added_options, infos_of_added
from trainer.config.inherited_arguments import INHERITED
from trainer.config.run_arguments import RunArguments
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.config.yaml_text import read_yaml, to_yaml
from trainer.data.task_source import TaskSource
from trainer.errors import InputError
from trainer.options import info_of

# Options and fields of tasks that may differ: they change what is displayed or kept, and no result.
# (`logging_steps` is not among them: in logged steps the tasks take separate passes.)
MAY_CHANGE_ON_RESUME = {
    f.name
    for kind in (RunArguments, HybridMTLTrainingArguments, TaskSource)
    for f in fields(kind)
    if info_of(f, INHERITED).resume == "free"
}


def check_same_run(recorded: Path, resolved: Mapping[str, Any]) -> None:
    """Check that a run continues with the options that it began with.

    Args:
        recorded: the run's own configuration file.
        resolved: every option as it stands now.

    Raises:
        InputError: naming each option that changed, with both values.
    """
    if not recorded.is_file():
        raise InputError(f"resume: '{recorded}' with the run's options is missing")
    try:
        options = read_yaml(recorded.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"resume: '{recorded}' is damaged: {error}") from error
    if not isinstance(options, Mapping):
        raise InputError(f"resume: '{recorded}' is not the configuration of a run")
    then, now = _comparable(options), _comparable(read_yaml(to_yaml(dict(resolved))))
    changed = _changes(then, now)
    if changed:
        place = "phases/N-NAME" if any(n.startswith("phases.") for n in now) else "checkpoint-N"
        raise InputError(
            "resume: a run continues with the options that it began with:\n  "
            + "\n  ".join(changed)
            + "\nFor a run with other options, start from a model that it saved: "
            + f"--model_name_or_path {recorded.parent}/{place} with a new --output_dir"
        )


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Describe the options that must not differ, but do."""
    changed = [
        f"{name} was {then[name]!r} and is now {now[name]!r}"
        for name in then
        if name in now and then[name] != now[name] and not _is_free(name)
    ]
    new = now.keys() - then.keys()
    # Others are from another version of a library or an extension.
    defaults = _defaults() if new else {}
    changed += [
        f"{name} is new and is {now[name]!r}"
        for name in sorted(new)
        if name in defaults and now[name] != defaults[name] and not _is_free(name)
    ]
    return changed + [
        f"{name} {'is no longer there' if name in then else 'is new'}"
        for name in sorted(then.keys() ^ now.keys())
        if name.startswith(("tasks.", "phases.")) and not _is_free(name)
    ]


def launch_environment(args: HybridMTLTrainingArguments) -> dict[str, Any]:
    """Return the properties of a run that its launcher sets, not an option."""
    chosen = "bf16" if args.bf16 else "fp16" if args.fp16 else "no"
    return {
        "processes": args.world_size,
        "mixed_precision": os.environ.get("ACCELERATE_MIXED_PRECISION", chosen),
    }


def check_same_rows(recorded: Path, now: Mapping[str, Any]) -> None:
    """Check that a run continues with the rows and processes that it began with.

    Args:
        recorded: the file of `now` at the run's start; missing if that was killed.
        now: split -> task -> fingerprint of its tokenized rows, and the values of
            `launch_environment`.

    Raises:
        InputError: naming what changed, or the file if it is damaged.
    """
    if not recorded.is_file():
        return
    try:
        then = json.loads(recorded.read_text(encoding="utf-8"))
        launched = [
            f"{name} was {then[name]} and is now {value}"
            for name, value in now.items()
            if not isinstance(value, Mapping) and then[name] != value
        ]
        changed = [
            f"the {split} rows of task '{task}'"
            for split, keys in now.items()
            if isinstance(keys, Mapping)
            for task, key in keys.items()
            if then[split][task] != key
        ]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"resume: '{recorded}' is damaged: {error!r}") from error
    if launched:
        raise InputError(
            f"resume: {' and '.join(launched)}; launch the run as before, since batches and "
            f"steps depend on it"
        )
    if changed:
        raise InputError(
            f"resume: {' and '.join(changed)} differ from those that the run began with (or "
            "another version of a library reads them differently). Restore them, or start a new "
            "run"
        )


def _is_free(name: str) -> bool:
    option = re.sub(r"^(phases\.\d+|tasks\.\w+)\.", "", name)
    added = infos_of_added(HybridMTLTrainingArguments).get(option)
    return option in MAY_CHANGE_ON_RESUME or (added is not None and added.resume == "free")


def _comparable(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options -> value, the fields of tasks and phases by dotted names.

    Extensions have the names of their files, which may have moved.
    """
    names = options.get("extensions") or []
    nested = {name: options[name] for name in ("tasks", "phases") if name in options}
    others = {name: value for name, value in options.items() if name not in nested}
    return {**others, "extensions": [Path(str(name)).name for name in names], **_flat(nested)}


def _defaults() -> dict[str, Any]:
    """Return option -> its default, as `_comparable` gives it."""
    kinds: Any = dict.fromkeys(added_options(HybridMTLTrainingArguments).values())
    added = {name: value for kind in kinds for name, value in asdict(kind()).items()}
    own = {**asdict(RunArguments()), **HybridMTLTrainingArguments().to_dict()}
    return _comparable(read_yaml(to_yaml({**own, **added})))


def _flat(options: Any, prefix: str = "") -> dict[str, Any]:
    """Flatten to `{"tasks.sentiment.learning_rate": ...}`; only lists of mappings are split."""
    if isinstance(options, list) and options and all(isinstance(o, Mapping) for o in options):
        options = {number: option for number, option in enumerate(options, start=1)}
    if not isinstance(options, Mapping):
        return {prefix[:-1]: options}
    flat: dict[str, Any] = {}
    for key, value in options.items():
        flat.update(_flat(value, f"{prefix}{key}."))
    return flat
