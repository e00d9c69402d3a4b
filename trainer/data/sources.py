"""Loading of a task's rows from the Hub, a local folder or the shipped sample."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from datasets import Dataset, load_dataset
from datasets.exceptions import DatasetGenerationError

from trainer.data.cache import cache_folder
from trainer.data.dialects import Dialect
from trainer.data.files import TABLE_SEPARATORS
from trainer.data.json_rows import read_json
from trainer.data.tables import read_table
from trainer.errors import InputError, join_truncated
from trainer.options import OptionInfo

SAMPLE_FOLDER = Path(__file__).parent / "sample"
FILE_KINDS = (*TABLE_SEPARATORS, ".jsonl", ".json", ".parquet")


@dataclass
class TaskSource:
    """Location, format and columns of one task's rows.

    Raises:
        InputError: naming the invalid field.

    Attributes:
        dataset: a Hub dataset (`owner/name`) or a local folder with `train.*` and `validation.*`.
        dataset_config: the Hub dataset's configuration.
        dataset_revision: the Hub dataset's branch, tag or commit.
        folder: the sub-folder of `data_dir` with this task's files; the task's name by default.
        train_split: the split to train on, also the stem of the local file.
        validation_split: the split to evaluate on, also the stem of the local file.
        columns: `text`, `text_pair` and `label` -> the dataset's column names; for multi-label
            tasks, `label` may be a list of columns of 0 and 1, one for each of the labels, which
            they name if `labels` is unset.
        dataset_labels: the class names in the data, in the order of `labels`, if they differ.
        label_separator: the text between the labels of a cell, such as `|` (multi-label); a list
            needs none.
        separator: the character between two cells of csv and tsv files, or `tab`; detected if
            unset.
        quoting: of csv and tsv files: `standard`, cells may be quoted, with quotes inside them
            doubled; `none`, quotes are parts of the texts; detected if unset.
        encoding: of csv and tsv files, such as `windows-1252`; if unset, UTF-8, or UTF-16 and
            UTF-32 by their byte order mark.
        decimal: the decimal sign of numbers stored as text: `.` or `,`.
        empty_text: `error`, or `drop` to skip and count rows with an empty text.
        data_name: Hub name of the dataset from which the local files come, for the model card.
        data_license: the data's license as free text, for the model card.
    """

    dataset: str | None = None
    dataset_config: str | None = None
    dataset_revision: str | None = None
    folder: str | None = None
    train_split: str = "train"
    validation_split: str = "validation"
    columns: dict[str, str | list[str]] = field(default_factory=dict)
    dataset_labels: list[str] | None = None
    label_separator: str | None = None
    separator: str | None = None
    quoting: str | None = None
    encoding: str | None = None
    decimal: str = "."
    empty_text: str = "error"
    # They appear on the model card only.
    data_name: str | None = field(default=None, metadata={"info": OptionInfo(resume="free")})
    data_license: str | None = field(default=None, metadata={"info": OptionInfo(resume="free")})

    def __post_init__(self):
        for name, choices in (("empty_text", ("error", "drop")), ("decimal", (".", ","))):
            if getattr(self, name) not in choices:
                expected = " or ".join(map(repr, choices))
                raise InputError(f"field '{name}' = {getattr(self, name)!r}: must be {expected}")
        self.dialect  # noqa: B018  # the constructor checks its fields

    @property
    def dialect(self) -> Dialect:
        """Return the dialect of csv and tsv files.

        Raises:
            InputError: naming the invalid field.
        """
        return Dialect(self.separator, self.quoting, self.encoding)

    @property
    def column_names(self) -> list[str]:
        """Return the dataset's names of `text`, `text_pair` and `label`."""
        names = [self.columns.get(key, key) for key in ("text", "text_pair", "label")]
        return [column for name in names for column in (name if isinstance(name, list) else [name])]


@dataclass
class RawSplit:
    """The rows of one split as loaded, and their file or Hub split, for messages."""

    rows: Dataset
    location: str


def load_split(
    task: str,
    source: TaskSource,
    split: str,
    data_dir: str | None,
    default_dataset: str | None = None,
) -> RawSplit:
    """Load one split of a task.

    Args:
        task: the task's name.
        source: location and format of the task's rows.
        split: name of the split, and stem of the local file.
        data_dir: a folder with one sub-folder per task that replaces the tasks' datasets, `sample`
            for the rows shipped with the package, or None. A task with a dataset of its own uses
            that if the folder has no sub-folder for the task.
        default_dataset: the dataset of the default task of this name, which `data_dir` replaces.

    Raises:
        InputError: for a missing folder, file or split, an unreadable file, or an unreachable Hub.
    """
    folder = local_folder(task, source, data_dir, default_dataset)
    if folder is None:
        if source.data_name not in (None, source.dataset):
            raise InputError(
                f"task '{task}': data_name = '{source.data_name}': the rows come from the Hub's "
                f"dataset '{source.dataset}'; unset it, it is for local files"
            )
        _refuse_dialect(task, source, f"the dataset '{source.dataset}'")
        return _load_from_hub(task, source, split)
    path = _find_file(task, folder, split)
    if path.suffix not in TABLE_SEPARATORS:
        _refuse_dialect(task, source, f"'{path}'")
    return RawSplit(read_rows(path, source.dialect, source.column_names), str(path))


def _refuse_dialect(task: str, source: TaskSource, location: str) -> None:
    for field_name, value in vars(source.dialect).items():
        if value is not None:
            raise InputError(
                f"task '{task}': field '{field_name}' is for csv and tsv files, not for "
                f"{location}; unset it"
            )


def read_rows(path: Path, dialect: Dialect | None = None, columns: Collection[str] = ()) -> Dataset:
    """Return the rows of a csv, tsv, json, jsonl or parquet file; cells of csv and tsv are text.

    Args:
        path: the file.
        dialect: the configured part of the dialect of a csv or tsv file.
        columns: names of which some are in its header.

    Raises:
        InputError: if the file is missing, empty, damaged or of another kind.
    """
    if not path.is_file():
        raise InputError(f"there is no file '{path}'")
    if path.suffix not in FILE_KINDS:
        raise InputError(f"{path}: expected one of {', '.join(FILE_KINDS)}")
    try:
        rows = _read_file(path, dialect or Dialect(), columns)
        rows.data.table.validate(full=True)
    except InputError:
        raise
    except Exception as error:  # the readers raise a dozen unrelated types for a damaged file
        cause = error.__cause__ or error
        if isinstance(cause, StopIteration) or "corresponds to no data" in str(cause):
            raise InputError(f"{path}: the file has no rows") from error
        text = str(cause)  # which may quote the whole file
        text = text if len(text) <= 500 else f"{text[:500]}…"
        raise InputError(f"{path}: cannot be read as {path.suffix[1:]}: {text}") from error
    if len(rows) == 0:
        raise InputError(f"{path}: the file has no rows")
    return rows


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
    if source.dataset.startswith((".", "/", "~")) or source.dataset.count("/") > 1:
        raise InputError(f"task '{task}': dataset: there is no folder '{path}'")
    return None


def _find_file(task: str, folder: Path, split: str) -> Path:
    candidates = [folder / f"{split}{suffix}" for suffix in FILE_KINDS]
    files = [path for path in candidates if path.is_file()]
    if len(files) > 1:
        names = ", ".join(path.name for path in files)
        raise InputError(f"{folder}: several files for the split '{split}' ({names}); keep one")
    if not files:
        names = join_truncated(sorted(p.name for p in folder.iterdir())) or "nothing"
        raise InputError(
            f"task '{task}': {folder} holds no {split} file ({', '.join(FILE_KINDS)}); it holds "
            f"{names}"
        )
    return files[0]


def _read_file(path: Path, dialect: Dialect, columns: Collection[str]) -> Dataset:
    if path.suffix in TABLE_SEPARATORS:
        return read_table(path, dialect, columns)
    if path.suffix != ".parquet":
        return read_json(path)
    cache_folder()
    return load_dataset("parquet", data_files=str(path), split="train")


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
            f"Without a network, put {source.train_split}.* and {source.validation_split}.* (csv, "
            f"tsv, jsonl or parquet, same columns) in DIR/{folder} and pass --data_dir DIR, or try "
            f"the shipped sample with --data_dir sample."
        ) from error
    if len(rows) == 0:
        raise InputError(f"task '{task}': the split '{location}' has no rows")
    return RawSplit(rows, location)
