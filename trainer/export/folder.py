"""The folder of an export: written whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from trainer.errors import InputError
from trainer.saving.files import check_writable, write_json

# What an export says of itself; it tells a folder that an export made from any other.
DESCRIPTION = "export.json"


def claim(folder: Path, *, overwrite: bool) -> None:
    """Make sure that an export may write here; nothing is deleted yet.

    Raises:
        InputError: if the folder holds anything but an earlier export that may be overwritten, or
            cannot be written to.
    """
    check_writable(folder, "OUTPUT")
    check_writable(folder.parent, "OUTPUT")
    if not folder.exists() or not any(folder.iterdir()):
        return
    there = (folder / DESCRIPTION).is_file()
    known = {DESCRIPTION, *read_description(folder)["files"]} if there else set()
    foreign = sorted(set(files_of(folder)) - known)
    if foreign:
        raise InputError(
            f"OUTPUT: '{folder}' holds '{foreign[0]}', which no export wrote; choose a new folder"
        )
    if not overwrite:
        raise InputError(
            f"OUTPUT: '{folder}' holds another export; choose a new folder, or replace it with "
            f"--overwrite"
        )


@contextmanager
def new_folder(target: Path, description: dict[str, Any]) -> Iterator[Path]:
    """A folder that takes the target's place when the block ends well, with a description in it.

    What the block adds to the description is written, too.

    Raises:
        InputError: if it cannot be written, as on a full disk.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        staged = staging / "new"
        staged.mkdir()
        yield staged
        for name in files_of(staged):
            (staged / name).chmod(0o644)
        content = {**description, "files": files_of(staged), "versions": _versions()}
        write_json(staged / DESCRIPTION, content)
        if target.exists():
            os.replace(target, staging / "old")
        os.replace(staged, target)
    except (OSError, SafetensorError) as error:
        raise InputError(f"'{target}' could not be written: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def read_description(folder: Path) -> dict[str, Any]:
    """What an export says of itself, with at least `format` and `files`.

    Raises:
        InputError: if the folder holds no export.
    """
    path = folder / DESCRIPTION
    if not folder.is_dir():
        raise InputError(f"there is no folder '{folder}'; name one that scripts/export.py wrote")
    if not path.is_file() and (folder / "config.json").is_file():
        raise InputError(
            f"'{folder}' holds a model and no export of one; make it with "
            f"scripts/export.py {folder} OUTPUT --format onnx"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{folder}' holds no export: cannot read {DESCRIPTION}: {error}"
        ) from error
    if not isinstance(content, dict) or not {"format", "files"} <= set(content):
        raise InputError(f"'{folder}' holds no export: its {DESCRIPTION} is of another kind")
    return content


def files_of(folder: Path) -> list[str]:
    """The names of all files below a folder, in order."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in ("hybrid-mtl", "torch", "transformers", "onnxruntime", "sentence-transformers"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
