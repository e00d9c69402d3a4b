"""Checkpoints that are there whole or not at all, and that are known to be whole."""

import fnmatch
import json
import os
import shutil
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accelerate import PartialState
from safetensors import SafetensorError

from trainer.errors import InputError
from trainer.saving.files import UNFINISHED
from trainer.saving.trainer_state import STATE_FILE

# Size and checksum of every other file of the checkpoint.
LIST_FILE = "checkpoint_files.json"
PREFIX = "checkpoint-"
ASIDE = UNFINISHED
# What an exact continuation needs.
NEEDED = ("trainer_state.json", "optimizer.pt", "scheduler.pt", STATE_FILE)
PARTS = ("model*.safetensors", "rng_state*.pth")  # one or several of each
_BLOCK = 1 << 20  # bytes read at once


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """A folder that all processes write to, and that becomes the target when the block ends well.

    It has the target's name, in a folder beside the target. The first process then writes the list
    of files, waits until everything is on the disk, and renames. A block that ends with an error
    leaves nothing of the new folder, and an earlier target as it was.

    Raises:
        InputError: if the folder cannot be written, as on a full disk.
    """
    processes = PartialState()
    apart = target.with_name(f"{ASIDE}{target.name}")
    aside = apart / target.name
    if processes.is_main_process:
        # What a run that was killed left half-written.
        for leftover in target.parent.glob(f"{ASIDE}*"):
            shutil.rmtree(leftover, ignore_errors=True)
    try:
        if processes.is_main_process:
            aside.mkdir(parents=True)
        processes.wait_for_everyone()
        yield aside
        processes.wait_for_everyone()
        if processes.is_main_process:
            _list_files(aside)
            _rename(aside, target)
            apart.rmdir()
    except BaseException as error:
        shutil.rmtree(apart, ignore_errors=True)
        # Torch and safetensors tell of a full disk by errors of their own.
        if not isinstance(error, (OSError, RuntimeError, SafetensorError)):
            raise
        raise InputError(
            f"'{target}' could not be written: {error}\nEarlier checkpoints are whole; when there "
            f"is room again, go on with --resume true"
        ) from error
    processes.wait_for_everyone()


def find_checkpoint(folder: Path) -> Path | None:
    """The last whole checkpoint of a run; later ones that are not whole are named on stderr."""
    found = {
        int(path.name.removeprefix(PREFIX)): path
        for path in folder.glob(f"{PREFIX}*")
        if path.name.removeprefix(PREFIX).isdecimal() and path.is_dir()
    }
    for number in sorted(found, reverse=True):
        reason = damage(found[number])
        if reason is None:
            return found[number]
        if PartialState().is_main_process:
            print(f"resume: skipping '{found[number]}': {reason}", file=sys.stderr, flush=True)
    return None


def damage(checkpoint: Path) -> str | None:
    """Why a run cannot go on from a checkpoint, or None if it can."""
    try:
        listed = json.loads((checkpoint / LIST_FILE).read_text(encoding="utf-8"))
        for name, (size, checksum) in listed.items():
            path = checkpoint / name
            if not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != size or _checksum(path) != checksum:
                return f"{name} is damaged"
    except FileNotFoundError:
        return f"there is no {LIST_FILE}, so it is not known to be whole"
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        return f"{LIST_FILE} is damaged ({error})"
    missing = [name for name in NEEDED if name not in listed]
    if missing:
        return f"it was written with save_only_model, there is no {missing[0]}"
    lost = [kind for kind in PARTS if not fnmatch.filter(listed, kind)]
    return f"there is no {lost[0]}" if lost else None


def _list_files(folder: Path) -> None:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = {
        path.relative_to(folder).as_posix(): [path.stat().st_size, _checksum(path)]
        for path in paths
    }
    (folder / LIST_FILE).write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    for path in (*paths, folder / LIST_FILE, folder):
        _sync(path)


def _rename(aside: Path, target: Path) -> None:
    # A folder cannot replace one that is not empty: the same step was saved before.
    former = target.with_name(f"{ASIDE}former-{target.name}")
    shutil.rmtree(former, ignore_errors=True)
    if target.exists():
        os.rename(target, former)
    os.rename(aside, target)
    _sync(target.parent)
    shutil.rmtree(former, ignore_errors=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            value = zlib.crc32(block, value)
    return value
