"""Weights of labels in a task's training loss: those of classes, and a column of rows' weights."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from modeling_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.task_fields_hybrid_mtl import is_number
from trainer.data.partial_labels import label_column, labeled_rows
from trainer.data.soft_labels import is_soft
from trainer.data.tokens import IGNORED_LABEL
from trainer.errors import InputError, did_you_mean, join_truncated

# Sums of larger ones may be infinite in float32.
MAX_WEIGHT = 1e30
BALANCED = "balanced"


def weight_column(columns: Container[str], task: str) -> str | None:
    """Return the column of a task's weights: its own in a shared table, or `weights`, or None."""
    return next((name for name in (f"weights_{task}", "weights") if name in columns), None)


@dataclass(frozen=True)
class LabelWeights:
    """The weights of one task's labels.

    Attributes:
        classes: the weight of each class, (C,); of multi-label tasks, that of the rows which have
            the class, while the others have 1. None if all classes have 1.
        scale: the factor of the rows' weights with which their mean over the training rows is 1;
            None if rows have none.
        multi_label: whether a row has any number of classes.
    """

    classes: Tensor | None = None
    scale: float | None = None
    multi_label: bool = False

    @classmethod
    def from_rows(
        cls, name: str, task: TaskConfig, rows: Dataset, class_weights: Any
    ) -> "LabelWeights":
        """Return the weights of a task's training rows.

        Args:
            name: the task's name.
            task: its configuration.
            rows: the tokenized rows.
            class_weights: the task's option, see `TaskTraining`.

        Raises:
            InputError: for an invalid option, or naming the row of an invalid weight.
        """
        check_class_weights(f"task '{name}': ", task, class_weights)
        labeled = labeled_rows(rows, name, task)
        classes = None
        if class_weights == BALANCED:
            column = str(label_column(rows.column_names, name))
            classes = _balanced(task, rows[column][:], labeled)
        elif class_weights is not None:
            classes = torch.tensor([class_weights.get(label, 1.0) for label in task.labels or []])
        return cls(classes, _scale(name, rows, labeled), task.output_type == "labels")

    def of_batch(self, task: str, columns: Mapping[str, Any], labels: Tensor) -> Tensor | None:
        """Return the weights of a batch's labels, (B,) or in their shape; None if all are 1.

        Args:
            task: the task's name.
            columns: the batch's columns.
            labels: the batch's labels as the model gets them.
        """
        weights = None
        if self.classes is not None:
            weights = self._of_classes(labels)
        if self.scale is None:
            return weights
        values = columns[str(weight_column(columns, task))]
        # A row without a label may lack a weight.
        of_rows = self.scale * torch.tensor([value or 0.0 for value in values])
        if weights is None:
            return of_rows
        return weights * of_rows.reshape(-1, *[1] * (weights.dim() - 1))

    def describe(self, task: TaskConfig) -> str:
        """Return each class of a task with its weight, as text."""
        weights = [] if self.classes is None else self.classes.tolist()
        pairs = zip(task.labels or [], weights, strict=True)
        return join_truncated([f"{label} {weight:.3g}" for label, weight in pairs])

    def _of_classes(self, labels: Tensor) -> Tensor:
        classes: Any = self.classes
        if self.multi_label:
            return torch.where(labels > 0, classes, 1.0)
        if labels.is_floating_point():  # probabilities
            return labels @ classes
        return classes[labels.clamp(min=0)]  # of ignored tokens, any


def check_class_weights(place: str, task: TaskConfig, class_weights: Any) -> None:
    """Check a task's `class_weights`.

    Args:
        place: the task, for messages, or an empty text.
        task: its configuration.
        class_weights: the option.

    Raises:
        InputError: unless it is None, `balanced`, or maps classes of the task to numbers.
    """
    if class_weights is None:
        return
    message = f"{place}class_weights = {class_weights!r}: "
    labels = task.labels or []
    if not labels:
        raise InputError(f"{message}a task of kind '{task.kind}' has no classes; unset it")
    if class_weights == BALANCED:
        return
    if not isinstance(class_weights, Mapping):
        raise InputError(f"{message}expected '{BALANCED}' or a mapping of classes to numbers")
    for label, weight in class_weights.items():
        if label not in labels:
            raise InputError(f"{message}no label '{label}'.{did_you_mean(label, labels)}")
        if not is_number(weight) or not 0 <= weight <= MAX_WEIGHT:
            expected = f"a number from 0 to {MAX_WEIGHT:g}"
            raise InputError(f"{message}{label}: expected {expected}, got {weight!r}")
    if not any(class_weights.get(label, 1.0) for label in labels):
        raise InputError(f"{message}all classes have the weight 0; give some class another")


def _balanced(task: TaskConfig, labels: Any, labeled: np.ndarray) -> Tensor:
    """Return weights with which all classes contribute alike.

    N / (C N_c) for N labels, N_c of class c and C classes that occur, as scikit-learn; for
    multi-label tasks (N - N_c) / N_c. Classes without a row have 1, as those in each multi-label
    row.
    """
    known = [label for label, is_labeled in zip(labels, labeled, strict=True) if is_labeled]
    if task.output_type == "labels":
        counts = class_counts(task, known)
        others = len(known) - counts
        weights = np.divide(others, counts, out=np.ones_like(counts), where=counts * others > 0)
    else:
        counts = class_counts(task, known)
        share = counts.sum() / np.count_nonzero(counts)
        weights = np.divide(share, counts, out=np.ones(len(counts)), where=counts > 0)
    return torch.tensor(weights, dtype=torch.float)


def class_counts(task: TaskConfig, labels: Sequence[Any]) -> np.ndarray:
    """Return the number of rows or words of each class, (C,).

    Args:
        task: the task's configuration.
        labels: class indices, lists of them for tags, multi-hot rows, or probabilities, which are
            added up.
    """
    if task.output_type == "labels" or (labels and is_soft(labels[0], task)):
        return np.sum(labels, axis=0, dtype=float)
    flat = np.concatenate([np.atleast_1d(label) for label in labels])
    return np.bincount(flat[flat != IGNORED_LABEL], minlength=len(task.labels or [])).astype(float)


def _scale(name: str, rows: Dataset, labeled: np.ndarray) -> float | None:
    column = weight_column(rows.column_names, name)
    if column is None:
        return None
    place = f"train_dataset, task '{name}'"
    try:
        weights = np.array(rows[column][:], dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{place}: column '{column}': expected a number in each row") from error
    wrong = np.flatnonzero(labeled & ~((weights >= 0) & (weights <= MAX_WEIGHT)))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"{place}, row {row + 1}: column '{column}': expected a number from 0 to "
            f"{MAX_WEIGHT:g}, got {weights[row]}"
        )
    mean = float(weights[labeled].mean()) if labeled.any() else 0.0
    if mean == 0:
        raise InputError(f"{place}: columns: weight: all weights are 0; give some row another")
    return 1 / mean
