"""Labeled rows in files, for a reference."""

from collections.abc import Mapping, Sequence

from modeling_hybrid_mtl import HybridMTLConfig
from trainer.audit.labeled_rows import (
    check_column_names,
    check_rows,
    label_column,
    nothing_labeled,
    read_rows,
)
from trainer.data.raw_rows import is_missing
from trainer.errors import InputError, did_you_mean
from trainer.monitoring.log_reader import group_name
from trainer.monitoring.make_reference import ReferenceRows, label_names


def read_reference_rows(
    config: HybridMTLConfig,
    data: Sequence[str],
    groups: Sequence[str],
    columns: Mapping[str, str],
    names: Sequence[str],
    bad_rows: str,
) -> dict[str, ReferenceRows]:
    """Return the rows of each task that has some.

    The columns of labels are as in audits: `label` for one task, or named like the tasks.

    Args:
        config: of the model.
        data: files, patterns, folders or a database's URL.
        groups: columns of groups.
        columns: `text`, `text_pair`, `label` of one task, and tasks -> the data's columns.
        names: the tasks; all if empty.
        bad_rows: `error`, or `drop` rows without text or valid label.

    Raises:
        InputError: naming the option, or the file and row that is wrong.
    """
    for name in names:
        if name not in config.tasks:
            raise InputError(
                f"tasks: no task '{name}' in this model ({', '.join(config.tasks)})."
                f"{did_you_mean(name, config.tasks)}"
            )
    tasks = {name: config.task(name) for name in names or config.tasks}
    tasks = {name: task for name, task in tasks.items() if not task.reads_words}
    check_column_names(columns, tasks)
    raw = read_rows(data, groups, columns)
    found = {}
    for name, task in tasks.items():
        label = label_column(name, task, raw, columns, len(tasks) == 1)
        if label is None:
            continue
        own = {**columns, "label": label}
        rows = check_rows(name, task, raw, groups, own, bad_rows)
        cells = {
            group_name(column): ["" if is_missing(value) else group_name(value) for value in values]
            for column, values in rows.groups.items()
        }
        found[name] = ReferenceRows(
            rows.texts, [label_names(cell, task) for cell in rows.labels], cells
        )
    if not found:
        raise nothing_labeled(raw, tasks)
    return found
