"""Reading of folders that `datasets` wrote with `save_to_disk`."""

from pathlib import Path

from datasets import Dataset, load_from_disk

from trainer.errors import InputError, join_truncated


def is_saved_dataset(folder: Path) -> bool:
    """Return whether a folder is a saved `Dataset`."""
    return (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()


def is_saved_dict(folder: Path) -> bool:
    """Return whether a folder is a saved `DatasetDict`, with a folder for each split."""
    return (folder / "dataset_dict.json").is_file()


def read_saved_dataset(folder: Path) -> Dataset:
    """Return the rows of a saved `Dataset`, which are mapped into memory.

    Raises:
        InputError: for a saved `DatasetDict`.
    """
    if is_saved_dict(folder):
        splits = sorted(path.name for path in folder.iterdir() if path.is_dir())
        raise InputError(
            f"{folder}: holds the splits {join_truncated(splits)}; name the folder of one of them, "
            "or give this folder as the task's 'dataset'"
        )
    return load_from_disk(str(folder))
