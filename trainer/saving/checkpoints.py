"""Atomic checkpoints with a list of files to verify them."""

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

# Size and checksum of each other file of the checkpoint.
LIST_FILE = "checkpoint_files.json"
PREFIX = "checkpoint-"
# Files required to resume exactly.
REQUIRED_FILES = ("trainer_state.json", "optimizer.pt", "scheduler.pt", STATE_FILE)
REQUIRED_PATTERNS = ("model*.safetensors", "rng_state*.pth")  # at least one of each
_BLOCK = 1 << 20  # bytes per read


@contextmanager
def atomic_checkpoint(target: Path) -> Iterator[Path]:
    """Yield a folder for all processes to write to, which becomes the target on success.

    It has the target's name, in a temporary folder beside it. The first process then writes the
    list of files, syncs all to disk, and renames. An error leaves no new folder, and an earlier
    target unchanged.

    Raises:
        InputError: if the folder cannot be written, as on a full disk.
    """
    processes = PartialState()
    parent = target.with_name(f"{UNFINISHED}{target.name}")
    staging = parent / target.name
    if processes.is_main_process:
        # Left by a run that was killed.
        for leftover in target.parent.glob(f"{UNFINISHED}*"):
            shutil.rmtree(leftover, ignore_errors=True)
    try:
        if processes.is_main_process:
            staging.mkdir(parents=True)
        processes.wait_for_everyone()
        yield staging
        processes.wait_for_everyone()
        if processes.is_main_process:
            _list_files(staging)
            _rename(staging, target)
            parent.rmdir()
    except BaseException as error:
        shutil.rmtree(parent, ignore_errors=True)
        # torch and safetensors raise their own errors on a full disk.
        if not isinstance(error, (OSError, RuntimeError, SafetensorError)):
            raise
        raise InputError(
            f"'{target}' could not be written: {error}\nEarlier checkpoints are complete; "
            f"free some space, and resume with --resume true"
        ) from error
    processes.wait_for_everyone()


def find_checkpoint(folder: Path) -> Path | None:
    """Return the last complete checkpoint of a run; report later incomplete ones on stderr."""
    checkpoints = {
        int(path.name.removeprefix(PREFIX)): path
        for path in folder.glob(f"{PREFIX}*")
        if path.name.removeprefix(PREFIX).isdecimal() and path.is_dir()
    }
    for number in sorted(checkpoints, reverse=True):
        reason = find_damage(checkpoints[number])
        if reason is None:
            return checkpoints[number]
        if PartialState().is_main_process:
            print(
                f"resume: skipping '{checkpoints[number]}': {reason}", file=sys.stderr, flush=True
            )
    return None


def find_damage(checkpoint: Path) -> str | None:
    """Return why a run cannot resume from a checkpoint, or None if it can."""
    try:
        listed = json.loads((checkpoint / LIST_FILE).read_text(encoding="utf-8"))
        for name, (size, checksum) in listed.items():
            path = checkpoint / name
            if not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != size or _checksum(path) != checksum:
                return f"{name} is damaged"
    except FileNotFoundError:
        return f"there is no {LIST_FILE}, so it may be incomplete"
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        return f"{LIST_FILE} is damaged ({error})"
    missing = [name for name in REQUIRED_FILES if name not in listed]
    if missing:
        return f"it was written with save_only_model, there is no {missing[0]}"
    unmatched = [kind for kind in REQUIRED_PATTERNS if not fnmatch.filter(listed, kind)]
    return f"there is no {unmatched[0]}" if unmatched else None


def _list_files(folder: Path) -> None:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = {
        path.relative_to(folder).as_posix(): [path.stat().st_size, _checksum(path)]
        for path in paths
    }
    (folder / LIST_FILE).write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    for path in (*paths, folder / LIST_FILE, folder):
        _sync(path)


def _rename(staging: Path, target: Path) -> None:
    # If the same step was saved before: a rename cannot replace a non-empty folder.
    previous = target.with_name(f"{UNFINISHED}previous-{target.name}")
    shutil.rmtree(previous, ignore_errors=True)
    if target.exists():
        os.rename(target, previous)
    os.rename(staging, target)
    _sync(target.parent)
    shutil.rmtree(previous, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            value = zlib.crc32(block, value)
    return value
