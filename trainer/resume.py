"""Continuing a run: only with the options that it began with."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from trainer.errors import InputError
from trainer.yaml_text import read_yaml, to_yaml

# What may differ, by name or by the beginning of the name: it decides what is shown and kept, not
# what is computed. (`logging_steps` decides in which steps the tasks take passes of their own.)
FREE = (
    "data_license",
    "data_name",
    "dataloader_num_workers",
    "dataloader_persistent_workers",
    "dataloader_pin_memory",
    "dataloader_prefetch_factor",
    "disable_tqdm",
    "hub_",
    "keep_auxiliary",
    "language",
    "license",
    "log_",
    "logging_dir",
    "logging_nan",
    "merged_adapters",
    "mode",
    "nonfinite",
    "output_dir",
    "predict_",
    "project",
    "push_to_hub",
    "report_to",
    "run_name",
    "save_total_limit",
    "trackio_",
)


def check_same_run(recorded: Path, resolved: Mapping[str, Any]) -> None:
    """Make sure that a run goes on with the options it began with.

    Args:
        recorded: the run's own configuration file.
        resolved: every option as it stands now.

    Raises:
        InputError: naming each option that changed, with both values.
    """
    if not recorded.is_file():
        raise InputError(f"resume: '{recorded}' is missing, which says how the run began")
    try:
        options = read_yaml(recorded.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"resume: '{recorded}' is damaged: {error}") from error
    if not isinstance(options, Mapping):
        raise InputError(f"resume: '{recorded}' is no run's configuration")
    then = _flat(options)
    now = _flat(read_yaml(to_yaml(dict(resolved))))
    changed = [
        f"{name} was {then[name]!r} and is now {now[name]!r}"
        for name in then
        if name in now and then[name] != now[name] and not _is_free(name)
    ]
    # Of other options one that is new came with another version of a library, at its default.
    changed += [
        f"{name} {'is no longer there' if name in then else 'is new'}"
        for name in sorted(then.keys() ^ now.keys())
        if name.startswith(("tasks.", "phases.")) and not _is_free(name)
    ]
    if changed:
        place = "phases/N-NAME" if any(n.startswith("phases.") for n in now) else "checkpoint-N"
        raise InputError(
            "resume: a run goes on with the options it began with:\n  "
            + "\n  ".join(changed)
            + "\nFor a run with other options, start from a model that it saved: "
            + f"--model_name_or_path {recorded.parent}/{place} with a new --output_dir"
        )


def check_same_rows(recorded: Path, rows: Mapping[str, Mapping[str, str]]) -> None:
    """Make sure that a run goes on with the rows it began with.

    Args:
        recorded: the run's own list of them; an older version of this project wrote none.
        rows: split -> task -> the key of its tokenised rows as they are now.

    Raises:
        InputError: naming each task whose rows changed, or the list if it is damaged.
    """
    if not recorded.is_file():
        return
    try:
        then = json.loads(recorded.read_text(encoding="utf-8"))
        changed = [
            f"the {split} rows of task '{task}'"
            for split, keys in rows.items()
            for task, key in keys.items()
            if then[split][task] != key
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"resume: '{recorded}' is damaged: {error!r}") from error
    if changed:
        raise InputError(
            f"resume: {' and '.join(changed)} are others than those the run began with (or another "
            f"version of a library reads them differently). Put them back, or begin a new run"
        )


def _is_free(name: str) -> bool:
    return re.sub(r"^(phases\.\d+|tasks\.\w+)\.", "", name).startswith(FREE)


def _flat(options: Any, prefix: str = "") -> dict[str, Any]:
    """`{"tasks.sentiment.learning_rate": ..., ...}`; lists stay whole but for those of mappings."""
    if isinstance(options, list) and options and all(isinstance(o, Mapping) for o in options):
        options = {number: option for number, option in enumerate(options, start=1)}
    if not isinstance(options, Mapping):
        return {prefix[:-1]: options}
    flat: dict[str, Any] = {}
    for key, value in options.items():
        flat.update(_flat(value, f"{prefix}{key}."))
    return flat
