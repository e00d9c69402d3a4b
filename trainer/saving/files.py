"""Atomic writing of files and folders, and checks of paths."""

import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from trainer.errors import InputError

# Prefix of the names of unfinished files and folders.
UNFINISHED = ".writing-"


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path, which is renamed to `path` when the block ends without an error.

    Raises:
        InputError: if the file cannot be written, as on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{UNFINISHED}{path.name}.{os.getpid()}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except OSError as error:
        raise InputError(f"'{path}' could not be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file atomically; non-finite numbers become null."""
    write_text(path, json.dumps(finite(content), indent=2, allow_nan=False) + "\n")


def finite(content: Any) -> Any:
    """Return a copy of nested mappings and lists with None in place of non-finite numbers."""
    if isinstance(content, Mapping):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


@contextmanager
def atomic_dir(target: Path) -> Iterator[Path]:
    """Yield a temporary folder, whose files move to `target` when the block ends without an error.

    Raises:
        InputError: if a file cannot be written, as on a full disk.
    """
    target.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=target))
    try:
        yield staged
        for path in sorted(staged.iterdir()):
            path.chmod(0o644)
            os.replace(path, target / path.name)
    except (OSError, SafetensorError) as error:
        raise InputError(f"'{target}' could not be written: {error}") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def check_inside(path: Path, folder: Path) -> None:
    """Check that a file to be published is not a link out of its folder.

    Raises:
        InputError: if it is, since the target may be private.
    """
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"'{path}' is a link to a file outside the folder; replace it with the "
            f"file, or delete the link"
        )


def check_writable(folder: Path, option: str) -> None:
    """Check that a folder can be created and written to.

    Raises:
        InputError: naming the option of the folder.
    """
    check_name(folder, option)
    try:
        if os.path.lexists(folder) and not folder.is_dir():
            raise InputError(f"{option}: '{folder}' is not a folder")
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except OSError as error:
        raise InputError(f"{option}: '{folder}': {error.strerror}") from error
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"{option}: cannot write to '{folder}': '{nearest}' is not writable")


def check_name(path: Path, option: str) -> None:
    """Check that a path has the same encoding in all libraries.

    Python encodes paths as the locale requires; others, such as safetensors, use UTF-8.

    Raises:
        InputError: if the encodings differ, or the path is invalid.
    """
    name = str(path)
    try:
        if "\0" in name:
            raise ValueError("contains a NUL character")
        if os.fsencode(name) != name.encode("utf-8"):
            raise ValueError(f"the locale's encoding is {sys.getfilesystemencoding()}")
    except ValueError as error:
        raise InputError(
            f"{option}: '{path}' is not a valid path here ({error}); use ASCII letters, or a "
            f"UTF-8 locale such as LC_ALL=C.UTF-8"
        ) from error
