"""The folder of an export, written atomically."""

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
from trainer.loading.model_version import EXPORT
from trainer.saving.files import check_writable, write_json

# The description of an export, which marks its folder as one.
DESCRIPTION = EXPORT


def check_output(folder: Path, *, overwrite: bool) -> None:
    """Check that an export may be written to a folder.

    Raises:
        InputError: if the folder is not writable, or holds anything but an earlier export that
            may be overwritten.
    """
    check_writable(folder, "OUTPUT")
    check_writable(folder.parent, "OUTPUT")
    if not folder.exists() or not any(folder.iterdir()):
        return
    is_export = (folder / DESCRIPTION).is_file()
    exported = {DESCRIPTION, *read_description(folder)["files"]} if is_export else set()
    foreign = sorted(set(list_files(folder)) - exported)
    if foreign:
        raise InputError(
            f"OUTPUT: '{folder}' contains '{foreign[0]}', which is not part of an export; choose a "
            f"new folder"
        )
    if not overwrite:
        raise InputError(
            f"OUTPUT: '{folder}' contains another export; choose a new folder, or pass --overwrite "
            f"to replace it"
        )


@contextmanager
def staged_folder(target: Path, description: dict[str, Any]) -> Iterator[Path]:
    """Yield a staging folder that replaces the target if the block succeeds.

    The description, with the entries that the block adds, is written to it.

    Raises:
        InputError: if the folder cannot be written, as on a full disk.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        staged = staging / "new"
        staged.mkdir()
        yield staged
        for name in list_files(staged):
            (staged / name).chmod(0o644)
        content = {**description, "files": list_files(staged), "versions": _versions()}
        write_json(staged / DESCRIPTION, content)
        if target.exists():
            os.replace(target, staging / "old")
        os.replace(staged, target)
    except (OSError, SafetensorError) as error:
        raise InputError(f"'{target}' could not be written: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def read_description(folder: Path) -> dict[str, Any]:
    """Read the description of an export, with at least `format` and `files`.

    Raises:
        InputError: if the folder does not hold an export.
    """
    path = folder / DESCRIPTION
    if not folder.is_dir():
        raise InputError(f"there is no folder '{folder}'; pass one written by hybrid-mtl export")
    if not path.is_file() and (folder / "config.json").is_file():
        raise InputError(
            f"'{folder}' is a model, not an export; export it with "
            f"hybrid-mtl export {folder} OUTPUT --format onnx"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{folder}' is not an export: cannot read {DESCRIPTION}: {error}"
        ) from error
    if not isinstance(content, dict) or not {"format", "files"} <= set(content):
        raise InputError(
            f"'{folder}' is not an export: its {DESCRIPTION} has no 'format' and 'files'"
        )
    return content


def list_files(folder: Path) -> list[str]:
    """Return the sorted relative paths of all files below a folder."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


def _versions() -> dict[str, str]:
    versions = {}
    for name in ("hybrid-mtl", "torch", "transformers", "onnxruntime", "sentence-transformers"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
