"""Writing into the output folder: whole files or none."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainer.errors import InputError

CONFIG_FILE = "run_config.yaml"
# What tells a folder that holds a run from one that merely exists.
RUN_MARKS = ("config.json", "metrics.json", CONFIG_FILE)
RUN_FILES = (
    *RUN_MARKS,
    "checkpoint-*",
    "figures",
    "model*.safetensors*",
    "tokenizer*.json",
    "*_hybrid_mtl.py",
    "evaluation.json",
    "card_facts.json",
    "README.md",
)


def write_text(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON that appears whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")


@contextmanager
def folder_in_place(target: Path) -> Iterator[Path]:
    """A new folder beside the target whose files move into it when the block ends well."""
    target.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".writing-", dir=target))
    try:
        yield staged
        for path in sorted(staged.iterdir()):
            path.chmod(0o644)
            os.replace(path, target / path.name)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def claim_output_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Make sure that a training run may write here; nothing is deleted yet.

    Raises:
        InputError: if the folder holds another run, has no checkpoint to resume from, or is not a
            folder.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"output_dir: '{folder}' is a file; name a folder")
    checkpoints = sorted(folder.glob("checkpoint-*")) if folder.is_dir() else []
    if resume:
        if not checkpoints:
            raise InputError(f"resume: '{folder}' holds no run to continue: no checkpoint is there")
        return
    marks = [folder / mark for mark in RUN_MARKS if (folder / mark).exists()] + checkpoints
    if marks and not overwrite:
        raise InputError(
            f"output_dir: '{folder}' holds another run ({marks[0].name}); choose a new folder, "
            f"continue that run with --resume true, or delete it with --overwrite_output_dir true"
        )


def clear_output_folder(folder: Path) -> None:
    """Delete what an earlier run wrote here, and nothing else that may lie in the folder."""
    for pattern in RUN_FILES:
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
