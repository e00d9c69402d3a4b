"""Loading of a task's rows from files, a database, the Hub or the shipped sample."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import load_dataset
from datasets.exceptions import DatasetGenerationError

from trainer.data.cache import cache_folder
from trainer.data.readers import RawSplit, ReadOptions, read_split
from trainer.data.readers.databases import check_no_password, is_database, masked_url
from trainer.data.readers.folders import has_split, split_files
from trainer.data.readers.formats import check_used
from trainer.data.readers.locations import Location, expand
from trainer.errors import InputError, join_truncated
from trainer.options import OptionInfo

SAMPLE_FOLDER = Path(__file__).parent / "sample"
PARTS = ("train", "validation", "test")


@dataclass
class TaskSource:
    """Location, format and columns of one task's rows.

    Raises:
        InputError: naming the invalid field.

    Attributes:
        dataset: a Hub dataset (`owner/name`) or a local folder with `train.*` and `validation.*`,
            shards of them, a copy of a Hub dataset, or one saved by `save_to_disk`.
        dataset_config: the Hub dataset's configuration.
        dataset_revision: the Hub dataset's branch, tag or commit.
        folder: the sub-folder of `data_dir` with this task's files; the task's name by default.
        train_split: the split to train on, also the stem of the local file.
        validation_split: the split to evaluate on, also the stem of the local file; or a number
            between 0 and 1: the share of the training rows to hold out instead, drawn by
            `data_seed`, with the classes' shares, and no text in both parts.
        split_by: with a share or `folds`: a column whose equal values are not divided either, such
            as an author.
        test_split: the split that is measured once, at the end of training; if unset, `test.*` of
            a local folder, if there is such a file with labels.
        train_file: the rows to train on, instead of `dataset` and `data_dir`: a file, a pattern
            such as `data/part-*.csv`, a folder of files, a list of these, or a database's URL with
            `?table=NAME` or `?query=SELECT ...`. Relative to the current folder.
        validation_file: the rows to evaluate on, likewise.
        test_file: the rows that are measured once, at the end of training, likewise.
        columns: `text`, `text_pair` and `label` -> the dataset's column names; in CoNLL files also
            positions, such as 0 and -1. For multi-label tasks, `label` may be a list of columns of
            0 and 1, one for each of the labels, which they name if `labels` is unset; for
            classification and ordinal, of probabilities, which are also read from lists. `weight`
            -> a column of numbers, 0 or more: factors of the training rows' losses, which are
            scaled to a mean of 1.
        dataset_labels: the class names in the data, in the order of `labels`, if they differ.
        label_separator: the text between the labels of a cell, such as `|` (multi-label); a list
            needs none.
        format: `csv`, `tsv`, `jsonl`, `json`, `parquet`, `xlsx`, `conll` or `conllu`; by the
            suffix of a file's name if unset. Files of text may be compressed (`.csv.gz`).
        separator: the character between two cells of csv and tsv files, or `tab`; detected if
            unset.
        quoting: of csv and tsv files: `standard`, cells may be quoted, with quotes inside them
            doubled; `none`, quotes are parts of the texts; detected if unset.
        encoding: of csv, tsv and CoNLL files, such as `windows-1252`; if unset, UTF-8, or UTF-16
            and UTF-32 by their byte order mark.
        sheet: the sheet of xlsx files; the first if unset.
        decimal: the decimal sign of numbers stored as text: `.` or `,`; of scores, recognized if
            unset, and `.` of classes.
        bad_rows: `error`, or `drop` to skip, count and list rows with an empty text, or without a
            valid label.
        data_name: Hub name of the dataset from which the local files come, for the model card.
        data_license: the data's license as free text, for the model card.
    """

    dataset: str | None = None
    dataset_config: str | None = None
    dataset_revision: str | None = None
    folder: str | None = None
    train_split: str = "train"
    validation_split: str | float = "validation"
    split_by: str | None = None
    test_split: str | None = None
    train_file: str | list[str] | None = None
    validation_file: str | list[str] | None = None
    test_file: str | list[str] | None = None
    columns: dict[str, str | list[str]] = field(default_factory=dict)
    dataset_labels: list[str] | None = None
    label_separator: str | None = None
    format: str | None = None
    separator: str | None = None
    quoting: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    decimal: str | None = None
    bad_rows: str = "error"
    # They appear on the model card only.
    data_name: str | None = field(default=None, metadata={"info": OptionInfo(resume="free")})
    data_license: str | None = field(default=None, metadata={"info": OptionInfo(resume="free")})

    def __post_init__(self):
        for name, choices in (("bad_rows", ("error", "drop")), ("decimal", (None, ".", ","))):
            if getattr(self, name) not in choices:
                expected = " or ".join(repr(choice) for choice in choices if choice)
                raise InputError(f"field '{name}' = {getattr(self, name)!r}: must be {expected}")
        for part in PARTS:
            for location in _as_list(self.file_of(part)):
                check_no_password(f"field '{part}_file'", location)
        check_no_password("field 'dataset'", self.dataset or "")
        self.read_options  # noqa: B018  # the constructor checks its fields
        self.validation_split = _name_or_share(self.validation_split)
        if self.validation_share is not None and self.validation_file is not None:
            raise InputError(
                f"field 'validation_file' = {self.validation_file!r}: has no effect with a number "
                "as validation_split, which holds out training rows; unset one of them"
            )

    @property
    def validation_share(self) -> float | None:
        """Return the share of the training rows to evaluate on, or None if there is a split."""
        return self.validation_split if isinstance(self.validation_split, float) else None

    @property
    def read_options(self) -> ReadOptions:
        """Return the configured format and dialect of files.

        Raises:
            InputError: naming the invalid field.
        """
        return ReadOptions(self.format, self.separator, self.quoting, self.encoding, self.sheet)

    def split_of(self, part: str) -> str:
        """Return the name of the split that has the rows of `train`, `validation` or `test`."""
        if part == "validation" and self.validation_share is not None:
            return self.train_split
        return str(getattr(self, f"{part}_split") or part)

    def file_of(self, part: str) -> str | list[str] | None:
        """Return the files of `train`, `validation` or `test`, if they are given."""
        return getattr(self, f"{part}_file")

    @property
    def has_files(self) -> bool:
        """Return whether the rows are given by files, not by a dataset or `data_dir`."""
        return any(self.file_of(part) is not None for part in PARTS)

    @property
    def column_names(self) -> list[str]:
        """Return the dataset's names of `text`, `text_pair`, `label` and any `weight`."""
        defaults = {key: key for key in ("text", "text_pair", "label")}
        names = {**defaults, **self.columns}.values()
        return [column for name in names for column in (name if isinstance(name, list) else [name])]


def _name_or_share(value: Any) -> str | float:
    """Return a split's name, or a number, which may come as text from the command line."""
    try:
        share = float(value)
    except ValueError:
        return value
    if not 0 < share < 1:
        raise InputError(
            f"field 'validation_split' = {value!r}: must be a split's name, or a number between 0 "
            "and 1, the share of the training rows to hold out"
        )
    return share


def load_split(
    task: str,
    source: TaskSource,
    part: str,
    data_dir: str | None,
    default_dataset: str | None = None,
) -> RawSplit:
    """Load one split of a task.

    Args:
        task: the task's name.
        source: location and format of the task's rows.
        part: `train`, `validation` or `test`.
        data_dir: a folder with one sub-folder per task that replaces the tasks' datasets, `sample`
            for the rows shipped with the package, or None. A task with a dataset of its own uses
            that if the folder has no sub-folder for the task, and one with files uses those.
        default_dataset: the dataset of the default task of this name, which `data_dir` and files
            replace.

    Raises:
        InputError: for a missing folder, file or split, an unreadable file or database, or an
            unreachable Hub.
    """
    location = _location(task, source, part, data_dir, default_dataset)
    if location is None:
        if source.data_name not in (None, source.dataset):
            raise InputError(
                f"task '{task}': data_name = '{source.data_name}': the rows come from the Hub's "
                f"dataset '{source.dataset}'; unset it, it is for local files"
            )
        with _naming(f"task '{task}'"):
            check_used(source.read_options, [], f"the dataset '{source.dataset}'")
        return _load_from_hub(task, source, source.split_of(part))
    return read_split(location, source.read_options, source.column_names)


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
    location = _location(task, source, part, data_dir, default_dataset)
    if location is None:
        split = source.split_of(part)
        return source.dataset, source.dataset_config, source.dataset_revision, split
    return (location,) if isinstance(location, (str, Path)) else tuple(map(str, location))


def _location(
    task: str, source: TaskSource, part: str, data_dir: str | None, default_dataset: str | None
) -> Location | None:
    """Return the files or database with a split of a task, or None for a Hub dataset."""
    if source.has_files:
        return _given_location(task, source, part, default_dataset)
    folder = local_folder(task, source, data_dir, default_dataset)
    if folder is None:
        return None
    options = source.read_options
    with _naming(f"task '{task}'"):
        files = split_files(folder, source.split_of(part), source.dataset_config, options)
        check_used(options, files, f"'{files[0]}'")
    return files


def _given_location(
    task: str, source: TaskSource, part: str, default_dataset: str | None
) -> Location:
    """Return the files or database given for a split of a task."""
    if source.dataset not in (None, default_dataset):
        raise InputError(
            f"task '{task}': dataset = '{source.dataset}': has no effect beside train_file, "
            "validation_file and test_file; unset one of them"
        )
    given, options = source.file_of(part), source.read_options
    if given is None:
        raise InputError(
            f"task '{task}': field '{part}_file' is missing, and other rows of the task are files; "
            f"set --tasks.{task}.{part}_file"
        )
    with _naming(f"task '{task}': field '{part}_file'"):
        if isinstance(given, str) and is_database(given):
            check_used(options, [], "a database")
            return given
        files = expand(given, options)
        check_used(options, files, f"'{files[0]}'")
    return files


@contextmanager
def _naming(place: str) -> Iterator[None]:
    """Add a place to the messages of errors in input."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def _as_list(location: str | list[str] | None) -> list[str]:
    return [] if location is None else [location] if isinstance(location, str) else location


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


def _load_from_hub(task: str, source: TaskSource, split: str) -> RawSplit:
    location = "/".join(filter(None, (source.dataset, source.dataset_config, split)))
    cache_folder()
    try:
        rows = load_dataset(
            source.dataset, source.dataset_config, revision=source.dataset_revision, split=split
        )
    except Exception as error:  # no network, no such dataset or split, a damaged file, ...
        folder = source.folder or task
        cause = error.__cause__ if isinstance(error, DatasetGenerationError) else error
        raise InputError(
            f"task '{task}': cannot load '{location}' from the Hub: {cause}\n"
            f"Without a network, put {source.train_split}.* and {source.split_of('validation')}.* "
            f"(csv, jsonl, parquet, ..., same columns) in DIR/{folder} and pass --data_dir DIR, or "
            f"try the shipped sample with --data_dir sample."
        ) from error
    if len(rows) == 0:
        raise InputError(f"task '{task}': the split '{location}' has no rows")
    return RawSplit(rows, location)
