"""Writing into the output folder: whole files or none."""

import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from trainer.errors import InputError

# Written before a run's first step: it tells a folder that a run made from any other.
CONFIG_FILE = "run_config.yaml"
# What the run's rows were, so that it is resumed with the same.
ROWS_FILE = "run_rows.json"
CHECKPOINTS = "checkpoint-[0-9]*"
# What is being written has a name that begins so.
UNFINISHED = ".writing-"
PHASES = "phases"
RUN_FILES = (
    "config.json",
    "metrics.json",
    "evaluation.json",
    "card_facts.json",
    "README.md",
    CHECKPOINTS,
    PHASES,
    "figures",
    "adapters",
    "merged",
    "model*.safetensors*",
    "tokenizer*.json",
    "*_hybrid_mtl.py",
    "handler.py",
    ".pushing-*",
    f"{UNFINISHED}*",  # left by a run that was killed
    ROWS_FILE,
    # The last to be deleted: a folder that is half cleared is still known for a run's.
    CONFIG_FILE,
)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
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
    with whole_file(path) as unfinished:
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
def folder_in_place(target: Path) -> Iterator[Path]:
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


def claim_output_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Make sure that a training run may write here; nothing is deleted yet.

    Raises:
        InputError: if the folder holds another run or files of somebody else's that training would
            replace, has no checkpoint to resume from, or cannot be written to.
    """
    check_writable(folder, "output_dir")
    # What a run was about to write as it was killed is nothing that anyone would miss.
    found = [path for path in _run_files(folder) if not path.name.startswith(UNFINISHED)]
    if resume:
        # The card is the last that a run writes.
        begun = (folder / CONFIG_FILE).is_file() and not (folder / "README.md").is_file()
        if not (begun or list(folder.glob(CHECKPOINTS)) or (folder / PHASES).is_dir()):
            raise InputError(f"resume: '{folder}' holds no run to continue: no checkpoint is there")
    elif (folder / CONFIG_FILE).is_file():
        # With nothing else there, the run failed before its first step.
        if {path.name for path in found} - {CONFIG_FILE, ROWS_FILE} and not overwrite:
            raise InputError(
                f"output_dir: '{folder}' holds another run; choose a new folder, continue that run "
                f"with --resume true, or delete it with --overwrite_output_dir true"
            )
    elif found:
        raise InputError(
            f"output_dir: '{folder}' holds '{found[0].name}', which training would replace, and is "
            f"no training run's folder (there is no {CONFIG_FILE}); choose a new folder"
        )


def claim_output_files(files: Iterable[Path], *, overwrite: bool) -> None:
    """Make sure that files may be written; nothing is deleted yet.

    Raises:
        InputError: if one exists and is not to be overwritten, or cannot be written to.
    """
    for file in files:
        check_writable(file.parent, "output_dir")
        _check_name(file, "output_dir")
        if file.is_dir():
            raise InputError(f"'{file}' is a folder; name a file")
        if file.exists() and not overwrite:
            raise InputError(
                f"'{file}' exists already; name another place to write to, or replace it with "
                f"--overwrite_output_dir true"
            )


def check_writable(folder: Path, option: str) -> None:
    """Make sure that a folder is there, or can be made, and can be written to.

    Raises:
        InputError: naming the option that names the folder.
    """
    _check_name(folder, option)
    try:
        if os.path.lexists(folder) and not folder.is_dir():
            raise InputError(f"{option}: '{folder}' is no folder; name a folder")
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except OSError as error:
        raise InputError(f"{option}: '{folder}': {error.strerror}") from error
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"{option}: cannot write to '{folder}': '{nearest}' cannot be written to")


def _check_name(path: Path, option: str) -> None:
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


def clear_output_folder(folder: Path) -> None:
    """Delete what an earlier run wrote here, and nothing else that may lie in the folder."""
    if (folder / CONFIG_FILE).is_file():
        _delete(_run_files(folder))


def clear_leftovers(folder: Path) -> None:
    """Delete what a run that was killed here was about to write, in its own folders, too."""
    own = _run_files(folder)
    _delete([path for path in own if path.name.startswith(UNFINISHED)])
    # Not in any others: another run may be writing there.
    for part in own:
        if part.is_dir() and not part.is_symlink():
            _delete(list(part.rglob(f"{UNFINISHED}*")))


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # it may have been in one of those before


def _run_files(folder: Path) -> list[Path]:
    return [path for pattern in RUN_FILES for path in sorted(folder.glob(pattern))]
