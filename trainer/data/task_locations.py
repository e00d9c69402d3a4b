"""Where the rows of a task are: given files, a database, a local folder, or the Hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainer.data.readers.databases import is_database, masked_url
from trainer.data.readers.folders import has_split, split_files
from trainer.data.readers.formats import check_used
from trainer.data.readers.locations import Location, expand
from trainer.data.task_source import TaskSource
from trainer.errors import InputError, join_truncated

SAMPLE_FOLDER = Path(__file__).parent / "sample"


def has_test_rows(
    task: str, source: TaskSource, data_dir: str | None, default_dataset: str | None = None
) -> bool:
    """Return whether there are test rows: named by the configuration, or beside a task's others.

    The arguments are those of `load_split`.

    Raises:
        InputError: as `local_folder`.
    """
    if source.has_files:
        return source.test_file is not None
    if source.test_split is not None:
        return True
    folder = local_folder(task, source, data_dir, default_dataset)
    return folder is not None and has_split(
        folder, "test", source.dataset_config, source.read_options
    )


def table_key(
    task: str,
    source: TaskSource,
    part: str,
    data_dir: str | None,
    default_dataset: str | None = None,
) -> tuple[Any, ...]:
    """Return a key of the rows that a split of a task is read from; equal for equal rows.

    The arguments and errors are those of `load_split`.
    """
    location = location_of(task, source, part, data_dir, default_dataset)
    if location is None:
        split = source.split_of(part)
        return source.dataset, source.dataset_config, source.dataset_revision, split
    return (location,) if isinstance(location, (str, Path)) else tuple(map(str, location))


def location_of(
    task: str, source: TaskSource, part: str, data_dir: str | None, default_dataset: str | None
) -> Location | None:
    """Return the files or database with a split of a task, or None for a Hub dataset."""
    if source.has_files:
        return _given_location(task, source, part, data_dir, default_dataset)
    folder = local_folder(task, source, data_dir, default_dataset)
    if folder is None:
        return None
    options = source.read_options
    with naming(f"task '{task}'"):
        files = split_files(folder, source.split_of(part), source.dataset_config, options)
        check_used(options, files, f"'{files[0]}'")
    return files


def _given_location(
    task: str, source: TaskSource, part: str, data_dir: str | None, default_dataset: str | None
) -> Location:
    """Return the files or database given for a split of a task."""
    if source.dataset not in (None, default_dataset):
        raise InputError(
            f"task '{task}': dataset = '{source.dataset}': has no effect beside train_file, "
            "validation_file and test_file; unset one of them"
        )
    named, options = source.file_of(part), source.read_options
    if named is None:
        raise InputError(
            f"task '{task}': field '{part}_file' is missing, and other rows of the task are files; "
            f"set --tasks.{task}.{part}_file"
        )
    with naming(f"task '{task}': field '{part}_file'"):
        if isinstance(named, str) and is_database(named):
            check_used(options, [], "a database")
            return named
        files = expand(_in_data_dir(named, data_dir), options)
        check_used(options, files, f"'{files[0]}'")
    return files


def _in_data_dir(named: str | list[str], data_dir: str | None) -> str | list[str]:
    """Return the given paths, relative ones in `data_dir`; the shipped sample has no such files."""
    if data_dir is None or data_dir == "sample":
        return named
    if isinstance(named, list):
        return [one if is_database(one) else f"{_in_data_dir(one, data_dir)}" for one in named]
    return str(Path(data_dir).expanduser() / Path(named).expanduser())


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Add a place to the messages of errors in input."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def local_folder(
    task: str, source: TaskSource, data_dir: str | None, default_dataset: str | None = None
) -> Path | None:
    """Return the folder with a task's rows, or None for a Hub dataset.

    The arguments are those of `load_split`.

    Raises:
        InputError: if the folder does not exist, or neither folder nor dataset is configured.
    """
    if data_dir is not None:
        root = SAMPLE_FOLDER if data_dir == "sample" else Path(data_dir).expanduser()
        if not root.is_dir():
            raise InputError(f"data_dir: there is no folder '{root}'")
        folder = root / (source.folder or task)
        if folder.is_dir():
            return folder
        if source.dataset == default_dataset:
            names = join_truncated(sorted(p.name for p in root.iterdir() if p.is_dir())) or "none"
            raise InputError(
                f"task '{task}': there is no folder '{folder}' (folders there: {names}); set the "
                f"right one with --tasks.{task}.folder, or give the task a dataset of its own with "
                f"--tasks.{task}.dataset"
            )
    if source.dataset is None:
        raise InputError(f"task '{task}': give it a 'dataset' (Hub name or folder), or a data_dir")
    path = Path(source.dataset).expanduser()
    if path.is_dir():
        return path
    if path.is_file() or is_database(source.dataset):
        kind = "file" if path.is_file() else "database"
        raise InputError(
            f"task '{task}': dataset = '{masked_url(source.dataset)}': expected a folder or a "
            f"Hub dataset, got a {kind}; give it as train_file, and validation_file likewise"
        )
    if source.dataset.startswith((".", "/", "~")) or source.dataset.count("/") > 1:
        raise InputError(f"task '{task}': dataset: there is no folder '{path}'")
    return None
