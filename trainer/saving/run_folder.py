"""The folder of a run: what is a run's in it, claimed before it is written to, and cleared."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from trainer.errors import InputError
from trainer.saving.files import UNFINISHED, check_name, check_writable

# Written before a run's first step: it tells a folder that a run made from any other.
CONFIG_FILE = "run_config.yaml"
# What the run's rows were, so that it is resumed with the same.
ROWS_FILE = "run_rows.json"
CHECKPOINTS = "checkpoint-[0-9]*"
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
        check_name(file, "output_dir")
        if file.is_dir():
            raise InputError(f"'{file}' is a folder; name a file")
        if file.exists() and not overwrite:
            raise InputError(
                f"'{file}' exists already; name another place to write to, or replace it with "
                f"--overwrite_output_dir true"
            )


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
