"""Class names for `labels: auto`: from the training rows, or from a trained model."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig

from trainer.config.run_arguments import RunArguments
from trainer.config.tasks import DEFAULT_TASKS
from trainer.data.labels import number
from trainer.data.raw_rows import is_missing
from trainer.data.sources import load_split
from trainer.data.task_source import TaskSource
from trainer.data.tokens import IGNORED_LABEL
from trainer.errors import InputError, join_truncated, truncated_repr

MAX_CLASSES = 1000


def find_labels_for(run: RunArguments) -> Callable[[str, TaskSource], list[str]]:
    """Return a function that finds the class names of a task, given its name and its data."""
    if run.mode == "train":
        return partial(labels_of_rows, data_dir=run.data_dir)
    return partial(_labels_of_model, run)


def labels_of_rows(task: str, source: TaskSource, *, data_dir: str | None = None) -> list[str]:
    """Return the classes of a task's training rows, sorted, numbers by value; print them.

    The names of a `ClassLabel` keep their order. Rows without a label are ignored.

    Args:
        task: the task's name.
        source: its data.
        data_dir: the run's folder of data, if any.

    Raises:
        InputError: if there are fewer than 2 or more than `MAX_CLASSES` classes.
    """
    if source.streaming:
        raise InputError(
            f"task '{task}': labels: auto: reads all training rows, which are streamed; list the "
            "labels"
        )
    default = DEFAULT_TASKS.get(task, {}).get("dataset")
    raw = load_split(task, source, "train", data_dir, default)
    column = source.columns.get("label", "label")
    if isinstance(column, list):  # one for each label
        return column
    if column not in raw.rows.column_names:
        raise InputError(
            f"{raw.location}: there is no column '{column}' (found: "
            f"{join_truncated(raw.rows.column_names)}); map it with --tasks.{task}.columns.label"
        )
    feature: Any = raw.rows.features[column]
    while hasattr(feature, "feature"):  # of a list
        feature = feature.feature
    names = getattr(feature, "names", None)
    if names is None:
        cells = raw.rows.with_format(None)[column][:]
        if any(map(_is_fraction, chain.from_iterable(c for c in cells if isinstance(c, list)))):
            raise InputError(
                f"{raw.location}: column '{column}' has probabilities, which labels: auto cannot "
                f"name; list the labels of task '{task}'"
            )
        names = sorted_names(set(_values(cells, source.label_separator)))
    if not 2 <= len(names) <= MAX_CLASSES:
        found = join_truncated([truncated_repr(name) for name in names]) or "none"
        raise InputError(
            f"{raw.location}: column '{column}' has {len(names)} different labels ({found}); "
            f"labels: auto is for 2 to {MAX_CLASSES} classes; name the right column, or list the "
            f"labels of task '{task}'"
        )
    print(f"task '{task}': labels: auto: {len(names)} classes in {raw.location}: ", end="")
    print(join_truncated(names), flush=True)
    return list(names)


def _is_fraction(value: Any) -> bool:
    return isinstance(value, float) and not value.is_integer()


def _values(cells: Iterable[Any], separator: str | None) -> Iterator[Any]:
    """Yield the labels of cells, each of which may hold several, without missing ones."""
    for cell in cells:
        if isinstance(cell, (list, tuple)):
            yield from _values(cell, separator)
        elif isinstance(cell, str) and separator is not None and separator in cell:
            yield from _values([part.strip() for part in cell.split(separator)], None)
        elif not is_missing(cell) and number(cell) != IGNORED_LABEL:
            yield cell


def sorted_names(values: set[Any]) -> list[str]:
    """Return the names of labels, in their order; numbers are sorted by value."""
    numbers = {number(value) for value in values}
    if None in numbers:
        return sorted({str(value) for value in values})
    # `3` and `3.0` are one class.
    return [f"{found.normalize():f}" for found in sorted(n for n in numbers if n is not None)]


def _labels_of_model(run: RunArguments, task: str, source: TaskSource) -> list[str]:
    """Return the classes that a trained model has for a task."""
    name = str(Path(run.model_name_or_path).expanduser())
    try:
        config, _ = PretrainedConfig.get_config_dict(name, revision=run.model_revision)
        return list(config["tasks"][task]["labels"])
    except (OSError, KeyError, TypeError) as error:
        raise InputError(
            f"task '{task}': labels: auto: the model '{run.model_name_or_path}' cannot be read or "
            "has no such task; name a model that hybrid-mtl trained"
        ) from error
