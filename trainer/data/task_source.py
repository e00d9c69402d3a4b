"""The fields of a task's entry that locate and describe its rows."""

from dataclasses import dataclass, field
from typing import Any

from trainer.data.readers import ReadOptions
from trainer.data.readers.databases import check_no_password
from trainer.errors import InputError
from trainer.options import OptionInfo, check_output_columns

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
            `?table=NAME` or `?query=SELECT ...`. Relative to `data_dir`, if that is a folder, or
            else to the current folder.
        validation_file: the rows to evaluate on, likewise.
        test_file: the rows that are measured once, at the end of training, likewise.
        streaming: read, check and tokenize the training rows while training, without holding them
            in memory (not xlsx, CoNLL and databases). Nothing is recorded of all of them, such as
            counts; a bad row is found when it is reached.
        shuffle_buffer: with streaming: the rows in memory, which are shuffled among each other
            (10000 if unset); the files are shuffled in each pass, too.
        train_rows: with streaming: the number of training rows, about; it is needed by
            `task_sampling` in proportion to them, and unless `cycles_per_epoch` is set.
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
        submission: columns of the test rows, or of their predictions as in `predict_columns` -> the
            names to write them under, such as `{id: id, index: Predicted_Sentiment}`: after
            training, the test rows are predicted into `submissions/TASK.csv`. They need no labels.
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
    streaming: bool = False
    shuffle_buffer: int | None = None
    train_rows: int | None = None
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
    submission: dict[str, str] | None = None
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
        self._check_streaming()
        if self.submission is not None:
            check_output_columns("field 'submission'", self.submission)
        self.validation_split = _name_or_share(self.validation_split)
        if self.validation_share is not None and self.validation_file is not None:
            raise InputError(
                f"field 'validation_file' = {self.validation_file!r}: has no effect with a number "
                "as validation_split, which holds out training rows; unset one of them"
            )

    def _check_streaming(self) -> None:
        for name in ("shuffle_buffer", "train_rows"):
            value = getattr(self, name)
            if value is not None and not self.streaming:
                raise InputError(f"field '{name}' = {value}: has no effect without streaming: true")
            if value is not None and value < 1:
                raise InputError(f"field '{name}' = {value}: must be 1 or more")

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


def _as_list(location: str | list[str] | None) -> list[str]:
    return [] if location is None else [location] if isinstance(location, str) else location
