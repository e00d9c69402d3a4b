"""The folder of a run: its files, and the checks and cleanup before a run."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from trainer.errors import InputError
from trainer.saving.files import UNFINISHED, check_name, check_writable
from trainer.saving.run_log import LOG_FILE

# Written before a run's first step; marks the folder as that of a run.
CONFIG_FILE = "run_config.yaml"
# Fingerprints of the run's rows, which must not change on resume.
ROWS_FILE = "run_rows.json"
# The rows that `bad_rows: drop` left out, with the reasons.
DROPPED_FILE = "dropped_rows.csv"
FOLDS_FILE = "folds.json"
# Predictions of the test rows, a file for each task with a `submission`.
SUBMISSIONS = "submissions"
CHECKPOINTS = "checkpoint-[0-9]*"
PHASES = "phases"
RUN_FILES = (
    "config.json",
    "metrics.json",
    "evaluation.json",
    "test_evaluation.json",
    DROPPED_FILE,
    LOG_FILE,
    FOLDS_FILE,
    SUBMISSIONS,
    "fold-[0-9]*",
    "card_facts.json",
    "examples.json",
    "bias_audit.json",
    "bias_audit.md",
    "monitoring",
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
    # Deleted last, so that a partly cleared folder is still recognized as that of a run.
    CONFIG_FILE,
)


def claim_output_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Check that a training run may write to a folder; nothing is deleted yet.

    Raises:
        InputError: if the folder contains another run or other files that training would replace,
            has no checkpoint to resume from, or is not writable.
    """
    check_writable(folder, "output_dir")
    # Unfinished files of a run that was killed may be deleted.
    existing = [path for path in _run_files(folder) if not path.name.startswith(UNFINISHED)]
    if resume:
        # The card is the last file that a run writes.
        started = (folder / CONFIG_FILE).is_file() and not (folder / "README.md").is_file()
        if not (started or list(folder.glob(CHECKPOINTS)) or (folder / PHASES).is_dir()):
            raise InputError(
                f"resume: '{folder}' contains no run to resume: there is no checkpoint"
            )
    elif (folder / CONFIG_FILE).is_file():
        # With nothing else there, the run failed before its first step.
        if {path.name for path in existing} - {CONFIG_FILE, ROWS_FILE} and not overwrite:
            raise InputError(
                f"output_dir: '{folder}' contains another run; choose a new folder, continue that "
                "run with --resume true, or delete it with --overwrite_output_dir true"
            )
    elif existing:
        raise InputError(
            f"output_dir: '{folder}' contains '{existing[0].name}', which training would replace, "
            f"but is not the folder of a run (there is no {CONFIG_FILE}); choose a new folder"
        )


def claim_output_files(files: Iterable[Path], *, overwrite: bool) -> None:
    """Check that files may be written; nothing is deleted yet.

    Raises:
        InputError: if a file exists and must not be overwritten, or is not writable.
    """
    for file in files:
        check_writable(file.parent, "output_dir")
        check_name(file, "output_dir")
        if file.is_dir():
            raise InputError(f"'{file}' is a folder, expected a file")
        if file.exists() and not overwrite:
            raise InputError(
                f"'{file}' exists already; choose another path, or replace it with "
                f"--overwrite_output_dir true"
            )


def clear_output_folder(folder: Path) -> None:
    """Delete the files of an earlier run, and no others."""
    if (folder / CONFIG_FILE).is_file():
        _delete(_run_files(folder))


def clear_leftovers(folder: Path) -> None:
    """Delete unfinished files of a run that was killed, also in its subfolders."""
    paths = _run_files(folder)
    _delete([path for path in paths if path.name.startswith(UNFINISHED)])
    # Not in other subfolders, where another run may be writing.
    for part in paths:
        if part.is_dir() and not part.is_symlink():
            _delete(list(part.rglob(f"{UNFINISHED}*")))


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # may have been in a folder deleted above


def _run_files(folder: Path) -> list[Path]:
    return [path for pattern in RUN_FILES for path in sorted(folder.glob(pattern))]
