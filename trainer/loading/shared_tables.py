"""Tasks that read their texts from the same table, each with a column of labels of its own."""

from collections.abc import Mapping
from typing import Any

from datasets import Dataset

from trainer.config.tasks import DEFAULT_TASKS, TaskEntry
from trainer.data.checked_split import CheckedSplit
from trainer.data.raw_rows import TEXT_COLUMNS
from trainer.data.task_locations import table_key
from trainer.errors import InputError

# Fields of `TaskSource` that tasks of one table may have different values of.
_OF_A_LABEL = (
    *("columns", "dataset_labels", "label_separator", "decimal"),
    *("submission", "folder", "data_name", "data_license"),
)
_LOCATIONS = ("dataset", "train_file", "validation_file", "test_file", "train_split", "test_split")


def group_by_table(
    tasks: Mapping[str, TaskEntry], part: str, data_dir: str | None
) -> list[dict[str, TaskEntry]]:
    """Return the tasks in groups that read the same texts in the same way, mostly of one task.

    Args:
        tasks: tasks with rows of their own, no generated labels.
        part: the split that is read: `train`, `validation` or `test`.
        data_dir: the run's folder of data, if any.
    """
    tables: dict[Any, dict[str, TaskEntry]] = {}
    for name, entry in tasks.items():
        tables.setdefault(_key(name, entry, part, data_dir), {})[name] = entry
    return list(tables.values())


def _key(name: str, entry: TaskEntry, part: str, data_dir: str | None) -> str:
    source, model = entry.source, entry.model
    if model.reads_words:
        return name
    part = "train" if source.validation_share is not None else part
    default = DEFAULT_TASKS.get(name, {}).get("dataset")
    try:
        rows = table_key(name, source, part, data_dir, default)
    except InputError:  # which loading raises again
        return name
    texts = [source.columns.get(key, key) for key in TEXT_COLUMNS[model.input]]
    reading = {
        field: value
        for field, value in vars(source).items()
        if field not in (*_OF_A_LABEL, *_LOCATIONS)
    }
    others = (source.validation_file, source.test_file, source.test_split)
    return repr((rows, others, texts, reading, model.input, model.pair_encoding))


def shares_tokens(tasks: Mapping[str, TaskEntry]) -> list[str]:
    """Return the tasks of a table whose training texts stay the same: those without augmentation.

    There are at least two of them, or none.
    """
    names = [name for name, entry in tasks.items() if not entry.augmentation.augmentation]
    return names if len(names) > 1 else []


def with_labels(tokens: Dataset, splits: Mapping[str, CheckedSplit]) -> Dataset:
    """Return a table's tokens with columns `labels_<task>` and, if given, `weights_<task>`.

    Rows without any label are left out.

    Args:
        tokens: the tokenized rows.
        splits: task -> the table's rows with the task's labels.
    """
    columns = {f"labels_{name}": split.rows["label"][:] for name, split in splits.items()}
    for (name, labels), split in zip(columns.items(), splits.values(), strict=True):
        tokens = tokens.add_column(name, labels, feature=split.rows.features["label"])
        if "weight" in split.rows.column_names:
            weights = split.rows["weight"][:]
            tokens = tokens.add_column(f"weights{name.removeprefix('labels')}", weights)
    rows = zip(*columns.values(), strict=True)
    labeled = [i for i, row in enumerate(rows) if any(label is not None for label in row)]
    return tokens if len(labeled) == len(tokens) else tokens.select(labeled)
