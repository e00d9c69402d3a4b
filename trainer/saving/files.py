"""Files and folders that appear under their names when they are whole."""

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

# What is being written has a name that begins so.
UNFINISHED = ".writing-"


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A place to write a file to, which has its own name when the block ends, and not before.

    Raises:
        InputError: if it cannot be written, as on a full disk.
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
    """Write a file that appears whole or not at all."""
    with atomic_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write JSON that appears whole or not at all.

    A number that is not finite, which JSON has no word for, becomes null.
    """
    write_text(path, json.dumps(_finite(content), indent=2, allow_nan=False) + "\n")


def _finite(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


@contextmanager
def atomic_dir(target: Path) -> Iterator[Path]:
    """A new folder beside the target whose files move into it when the block ends well.

    Raises:
        InputError: if it cannot be written, as on a full disk.
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
    """Make sure that a file of a folder, which others get a copy of, is no link out of it.

    Raises:
        InputError: if it is: what a link leads to may be nobody else's business.
    """
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"'{path}' is a link to a file outside the folder; put the file itself there, or "
            f"delete the link"
        )


def check_writable(folder: Path, option: str) -> None:
    """Make sure that a folder is there, or can be made, and can be written to.

    Raises:
        InputError: naming the option that names the folder.
    """
    check_name(folder, option)
    try:
        if os.path.lexists(folder) and not folder.is_dir():
            raise InputError(f"{option}: '{folder}' is no folder; name a folder")
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except OSError as error:
        raise InputError(f"{option}: '{folder}': {error.strerror}") from error
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"{option}: cannot write to '{folder}': '{nearest}' cannot be written to")


def check_name(path: Path, option: str) -> None:
    """Make sure that all libraries that write there mean the same file by a name.

    Python writes a name as the locale says; others, such as safetensors, in UTF-8.

    Raises:
        InputError: if they differ, or the name is none.
    """
    name = str(path)
    try:
        if "\0" in name:
            raise ValueError("holds a NUL character")
        if os.fsencode(name) != name.encode("utf-8"):
            raise ValueError(f"the locale's encoding is {sys.getfilesystemencoding()}")
    except ValueError as error:
        raise InputError(
            f"{option}: '{path}' cannot be the name of a file here ({error}); choose a name of "
            f"plain letters, or a locale with UTF-8, such as LC_ALL=C.UTF-8"
        ) from error
