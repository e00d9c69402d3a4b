"""Where a task's rows come from: the Hub, a local folder or the shipped sample."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from datasets import Dataset, load_dataset
from datasets.exceptions import DatasetGenerationError

from trainer.data.cache import cache_folder
from trainer.data.dialects import Dialect
from trainer.data.files import TABLES
from trainer.data.json_rows import read_json
from trainer.data.tables import read_table
from trainer.errors import InputError, join_truncated
from trainer.options import OptionInfo

SAMPLE_FOLDER = Path(__file__).parent / "sample"
FILE_KINDS = (*TABLES, ".jsonl", ".json", ".parquet")


@dataclass
class TaskSource:
    """Where one task's rows are and which of their columns it reads.

    Raises:
        InputError: naming the field that is wrong.

    Attributes:
        dataset: a Hub dataset (`owner/name`) or a local folder with `train.*` and `validation.*`.
        dataset_config: the Hub dataset's configuration.
        dataset_revision: the Hub dataset's branch, tag or commit.
        folder: the sub-folder of `data_dir` that holds this task's files.
        train_split: the split to train on, also the stem of the local file.
        validation_split: the split to evaluate on, also the stem of the local file.
        columns: `text`, `text_pair` and `label` -> the dataset's column names.
        dataset_labels: the data's own names of the classes, in the order of `labels`, where they
            differ.
        separator: of csv and tsv files: the character between two cells, or `tab`; found out if
            left out.
        quoting: of csv and tsv files: `standard`, a cell may stand in quotes, inside which quotes
            are doubled; `none`, quotes are parts of the texts; found out if left out.
        encoding: of csv and tsv files, such as `windows-1252`; UTF-8, or UTF-16 with a mark at its
            beginning, if left out.
        decimal: the sign before a number's decimals where numbers are text: `.` or `,`.
        empty_text: `error`, or `drop` to leave out (and count) rows with an empty text.
        data_name: the Hub's name of the dataset that the rows of local files are from: the model
            card's entry.
        data_license: the data's licence, in words of your own: the model card's entry.
    """

    dataset: str | None = None
    dataset_config: str | None = None
    dataset_revision: str | None = None
    folder: str | None = None
    train_split: str = "train"
    validation_split: str = "validation"
    columns: dict[str, str] = field(default_factory=dict)
    dataset_labels: list[str] | None = None
    separator: str | None = None
    quoting: str | None = None
    encoding: str | None = None
    decimal: str = "."
    empty_text: str = "error"
    # They name the data on the model card, and change nothing that is computed.
    data_name: str | None = field(default=None, metadata={"info": OptionInfo(resume="free")})
    data_license: str | None = field(default=None, metadata={"info": OptionInfo(resume="free")})

    def __post_init__(self):
        for name, choices in (("empty_text", ("error", "drop")), ("decimal", (".", ","))):
            if getattr(self, name) not in choices:
                known = " or ".join(map(repr, choices))
                raise InputError(f"field '{name}': must be {known}, not {getattr(self, name)!r}")
        self.dialect  # noqa: B018  # which is checked as it is made

    @property
    def dialect(self) -> Dialect:
        """How its csv and tsv files are written.

        Raises:
            InputError: naming the field that is wrong.
        """
        return Dialect(self.separator, self.quoting, self.encoding)

    @property
    def column_names(self) -> list[str]:
        """The dataset's names of all columns that a task may read."""
        return [self.columns.get(key, key) for key in ("text", "text_pair", "label")]


@dataclass
class RawSplit:
    """The rows of one split as they are found, and how to name their place in a message."""

    rows: Dataset
    place: str


def load_split(
    task: str,
    source: TaskSource,
    split: str,
    data_dir: str | None,
    default_dataset: str | None = None,
) -> RawSplit:
    """Load one split of a task.

    Args:
        task: the task's name, for messages.
        source: where the task's rows are.
        split: name of the split, and stem of the local file.
        data_dir: a folder with one sub-folder per task that replaces the tasks' datasets, `sample`
            for the rows that ship with the package, or None. A task with a dataset of its own
            keeps it if the folder has none for it.
        default_dataset: the dataset that is not the task's own but a default task's.

    Raises:
        InputError: for a missing folder, file or split, a file that cannot be read, or a Hub that
            cannot be reached.
    """
    folder = local_folder(task, source, data_dir, default_dataset)
    if folder is None:
        if source.data_name not in (None, source.dataset):
            raise InputError(
                f"task '{task}': data_name = '{source.data_name}': the rows come from the Hub's "
                f"dataset '{source.dataset}'; leave it out, it is for local files"
            )
        _refuse_dialect(task, source, f"the dataset '{source.dataset}'")
        return _load_from_hub(task, source, split)
    path = _find_file(task, folder, split)
    if path.suffix not in TABLES:
        _refuse_dialect(task, source, f"'{path}'")
    return RawSplit(read_rows(path, source.dialect, source.column_names), str(path))


def _refuse_dialect(task: str, source: TaskSource, place: str) -> None:
    for field_name, value in vars(source.dialect).items():
        if value is not None:
            raise InputError(
                f"task '{task}': field '{field_name}' is for csv and tsv files, and {place} is "
                f"none; leave it out"
            )


def read_rows(path: Path, dialect: Dialect | None = None, columns: Collection[str] = ()) -> Dataset:
    """The rows of a csv, tsv, jsonl or parquet file; cells of csv and tsv stay text.

    Args:
        path: the file.
        dialect: what is known of how a csv or tsv file is written.
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
        raise InputError(f"{path}: cannot be read as {path.suffix[1:]}: {_cut(cause)}") from error
    if len(rows) == 0:
        raise InputError(f"{path}: the file has no rows")
    return rows


def _cut(error: BaseException) -> str:
    """What a reader says, which may hold a whole file."""
    text = str(error)
    return text if len(text) <= 500 else f"{text[:500]}…"


def local_folder(
    task: str, source: TaskSource, data_dir: str | None, default_dataset: str | None = None
) -> Path | None:
    """The folder that holds a task's rows; None if they are a Hub dataset's.

    Args:
        task: as for `load_split`.
        source: as for `load_split`.
        data_dir: as for `load_split`.
        default_dataset: as for `load_split`.

    Raises:
        InputError: if there is no such folder, or nothing is said of one.
    """
    if data_dir is not None:
        root = SAMPLE_FOLDER if data_dir == "sample" else Path(data_dir).expanduser()
        if not root.is_dir():
            raise InputError(f"data_dir: there is no folder '{root}'")
        folder = root / (source.folder or task)
        if folder.is_dir():
            return folder
        if source.dataset == default_dataset:
            found = join_truncated(sorted(p.name for p in root.iterdir() if p.is_dir())) or "none"
            raise InputError(
                f"task '{task}': there is no folder '{folder}' (folders there: {found}); name the "
                f"right one with --tasks.{task}.folder, or give the task a dataset of its own with "
                f"--tasks.{task}.dataset"
            )
    if source.dataset is None:
        raise InputError(f"task '{task}': give it a 'dataset' (Hub name or folder), or a data_dir")
    path = Path(source.dataset).expanduser()
    if path.is_dir():
        return path
    looks_local = source.dataset.startswith((".", "/", "~")) or source.dataset.count("/") > 1
    if looks_local:
        raise InputError(f"task '{task}': dataset: there is no folder '{path}'")
    return None


def _find_file(task: str, folder: Path, split: str) -> Path:
    found = [folder / f"{split}{suffix}" for suffix in FILE_KINDS]
    found = [path for path in found if path.is_file()]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"{folder}: several files for the split '{split}' ({names}); keep one")
    if not found:
        names = join_truncated(sorted(p.name for p in folder.iterdir())) or "nothing"
        raise InputError(
            f"task '{task}': {folder} holds no {split} file ({', '.join(FILE_KINDS)}); it holds "
            f"{names}"
        )
    return found[0]


def _read_file(path: Path, dialect: Dialect, columns: Collection[str]) -> Dataset:
    if path.suffix in TABLES:
        return read_table(path, dialect, columns)
    if path.suffix != ".parquet":
        return read_json(path)
    cache_folder()
    return load_dataset("parquet", data_files=str(path), split="train")


def _load_from_hub(task: str, source: TaskSource, split: str) -> RawSplit:
    place = "/".join(filter(None, (source.dataset, source.dataset_config, split)))
    cache_folder()
    try:
        rows = load_dataset(
            source.dataset, source.dataset_config, revision=source.dataset_revision, split=split
        )
    except Exception as error:  # no network, no such dataset or split, a damaged file, ...
        folder = source.folder or task
        cause = error.__cause__ if isinstance(error, DatasetGenerationError) else error
        raise InputError(
            f"task '{task}': cannot load '{place}' from the Hub: {cause}\n"
            f"Without a network, put {source.train_split}.* and {source.validation_split}.* (csv, "
            f"tsv, jsonl or parquet, same columns) in DIR/{folder} and pass --data_dir DIR, or try "
            f"the shipped sample with --data_dir sample."
        ) from error
    if len(rows) == 0:
        raise InputError(f"task '{task}': the split '{place}' has no rows")
    return RawSplit(rows, place)
