"""The labeled rows of an audit, with the columns of their groups."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modeling_hybrid_mtl import TaskConfig
from trainer.data.columns import check_split
from trainer.data.raw_rows import TEXT_COLUMNS
from trainer.data.readers import RawSplit, read_split
from trainer.data.soft_labels import is_soft
from trainer.data.task_source import TaskSource
from trainer.errors import InputError, did_you_mean, join_truncated

_NUMBER = "row number of the audit"


@dataclass(frozen=True)
class LabeledRows:
    """A task's rows.

    Attributes:
        texts: `text` and, for pairs, `text_pair` of each row.
        labels: class indices (N,), multi-hot rows (N, C), or scores (N,).
        groups: column -> the cell of each row.
        places: the file and number of each row, for reports.
        left_out: the rows without a label, or dropped.
    """

    texts: list[dict[str, str]]
    labels: np.ndarray
    groups: dict[str, list[Any]]
    places: list[str]
    left_out: int


def read_rows(files: Sequence[str], groups: Sequence[str], columns: Mapping[str, str]) -> RawSplit:
    """Read files of rows.

    Args:
        files: files, patterns, folders or a database's URL.
        groups: names of columns that must be there.
        columns: `text`, `text_pair`, `label` and tasks -> the files' columns.

    Raises:
        InputError: if a file cannot be read, or a column is missing.
    """
    location = files[0] if len(files) == 1 else list(files)
    raw = read_split(location, columns=[*groups, *columns.values(), "text", "label"])
    for option, names in (("groups", groups), ("columns", columns.values())):
        for name in names:
            if name not in raw.rows.column_names:
                raise InputError(
                    f"{option}: {raw.location}: there is no column '{name}' (found: "
                    f"{join_truncated(raw.rows.column_names)})."
                    f"{did_you_mean(name, raw.rows.column_names)}"
                )
    return raw


def check_column_names(columns: Mapping[str, str], tasks: Collection[str]) -> None:
    """Check that the option `columns` names texts, labels and tasks.

    Raises:
        InputError: naming what is none of them.
    """
    known = (*TEXT_COLUMNS["pair"], "label", *tasks)
    for name in columns:
        if name not in known:
            raise InputError(
                f"columns: '{name}' is not one of {', '.join(known)}.{did_you_mean(name, known)}"
            )
    if "label" in columns and len(tasks) > 1:
        raise InputError(
            "columns: label: is of one task, named with --tasks; name the columns of several by "
            f"the tasks: {' '.join(f'{task}=COLUMN' for task in tasks)}"
        )


def nothing_labeled(raw: RawSplit, tasks: Mapping[str, TaskConfig]) -> InputError:
    """Return the error for rows without texts and labels of any task."""
    sides = TEXT_COLUMNS["pair" if all(t.input == "pair" for t in tasks.values()) else "single"]
    labels = ["label"] if len(tasks) == 1 else list(tasks)
    example = " ".join(f"{name}=COLUMN" for name in (*sides, *labels))
    only = " (or choose one with --tasks, whose labels are in 'label')" if len(tasks) > 1 else ""
    return InputError(
        f"data: {raw.location}: no task has texts and labels there (found: "
        f"{join_truncated(raw.rows.column_names)}); name the columns, as in --columns {example}"
        f"{only}"
    )


def label_column(
    name: str, task: TaskConfig, raw: RawSplit, columns: Mapping[str, str], is_only: bool
) -> str | None:
    """Return the column with a task's labels.

    It is the one that `columns` gives to the task, or else `label`, or for several tasks the
    task's name.

    Returns:
        The column, or None if the rows have no texts or labels for this task.
    """
    found = raw.rows.column_names
    texts = [columns.get(side, side) for side in TEXT_COLUMNS[task.input]]
    has_pairs = columns.get("text_pair", "text_pair") in found
    if not all(text in found for text in texts) or (has_pairs and task.input == "single"):
        return None
    label = columns.get(name, columns.get("label", "label") if is_only else name)
    return label if label in found else None


def check_rows(
    name: str,
    task: TaskConfig,
    raw: RawSplit,
    groups: Sequence[str],
    columns: Mapping[str, str],
    bad_rows: str,
) -> LabeledRows:
    """Return the rows of a task that have a label for it.

    Args:
        name, task: the task and its name.
        raw, groups, columns: as of `read_rows`, with the column of this task's labels.
        bad_rows: `error` or `drop`.

    Raises:
        InputError: for a bad row, unless dropped, and if no row has a label.
    """
    wanted = (*TEXT_COLUMNS[task.input], "label")
    names: dict[str, Any] = {key: value for key, value in columns.items() if key in wanted}
    # The checks keep the cells of one column: here, the number of each row.
    numbered = raw.rows.add_column(_NUMBER, range(len(raw.rows)))
    source = TaskSource(columns=names, bad_rows=bad_rows, split_by=_NUMBER)
    split = check_split(name, task, source, replace(raw, rows=numbered), partial=True)
    cells = split.rows["label"][:]
    kept = [index for index, cell in enumerate(cells) if cell is not None]
    if not kept:
        raise InputError(f"{raw.location}: no row has a label for task '{name}'")
    numbers = [(split.groups or [])[index] for index in kept]
    sides = {side: split.rows[side][:] for side in TEXT_COLUMNS[task.input]}
    chosen = raw.rows.with_format(None).select(numbers)
    return LabeledRows(
        texts=[{side: texts[index] for side, texts in sides.items()} for index in kept],
        labels=_as_array([cells[index] for index in kept], task),
        groups={group: chosen[group][:] for group in groups},
        places=[_place(raw, number) for number in numbers],
        left_out=len(raw.rows) - len(kept),
    )


def _as_array(labels: list[Any], task: TaskConfig) -> np.ndarray:
    """Return the labels, soft ones as their most probable class."""
    array = np.array(labels)
    return array.argmax(axis=1) if is_soft(labels[0], task) else array


def _place(raw: RawSplit, number: int) -> str:
    """Return the name of a row's file, without its folder, and its number."""
    file, row = raw.file_and_row(number)
    return f"{file.rpartition('/')[2]}, row {row}"
