"""One pass over a task's rows: predictions, labels and loss."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from datasets import Dataset

from modeling_hybrid_mtl import HybridMTLModel, TaskConfig
from trainer.data.batches import Collator
from trainer.data.tokens import IGNORED_LABEL
from trainer.errors import InputError
from trainer.evaluation.metrics import compute_task_metrics


@dataclass
class TaskPredictions:
    """A task's predictions in the order of its rows.

    Attributes:
        answers: probabilities (N, C), scores (N,), or per token (M, C) for token classification,
            where M counts the labelled tokens of all rows; without labels, all tokens. Scores are
            what users get, cut to the range, and so are the correlations; the loss is of the
            scores as the head gives them.
        labels: class indices or scores, (N,) or (M,); None of rows without labels.
        loss: the task's loss, times its weight, mean over rows; NaN without labels.
        rows: the row of each token, (M,), for token classification; None for the other kinds.
    """

    answers: np.ndarray
    labels: Any
    loss: float
    rows: np.ndarray | None = None

    @property
    def predictions(self) -> np.ndarray:
        """Class indices or scores, (N,) or (M,)."""
        return self.answers.argmax(axis=-1) if self.answers.ndim > 1 else self.answers


@torch.no_grad()
def predict_task(
    model: HybridMTLModel,
    task: str,
    rows: Dataset,
    collator: Collator,
    *,
    batch_size: int,
    accelerator: Accelerator,
    on_batch: Callable[[], None],
) -> TaskPredictions:
    """Run a task's head over all rows, in batches of like length.

    Args:
        model: the model; left in evaluation mode.
        task: the task.
        rows: tokenised rows with `length`, and `labels` if they are known.
        collator: makes batches of rows.
        batch_size: rows per device and batch.
        accelerator: the device, the precision, and the ranks that share the work.
        on_batch: called after every batch, equally often in every process.
    """
    model.eval()
    # Longest first: a batch that does not fit in memory says so at once.
    order = np.argsort(-np.asarray(rows["length"][:]), kind="stable")
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    found: list[tuple[int, np.ndarray, np.ndarray]] = []
    loss = 0.0
    losses = []
    labelled = "labels" in rows.column_names
    rank, processes = accelerator.process_index, accelerator.num_processes
    for first in range(0, len(batches), processes):
        if first + rank >= len(batches):
            on_batch()
            continue
        indices = batches[first + rank]
        batch = collator.collate(task, rows[indices.tolist()])
        # Masks stay: lengths are read off them without waiting for the device.
        batch = {
            name: tensor if name.endswith("attention_mask") else tensor.to(model.device)
            for name, tensor in batch.items()
        }
        # Weights in half precision are computed with as they are.
        with accelerator.autocast() if model.dtype.itemsize >= 4 else nullcontext():
            output = model(**batch, task=task)
        if labelled:
            losses.append(output.loss * len(indices))
        answers = model.heads[task].postprocess(output.logits).cpu().numpy()
        labels = (batch["labels"] if labelled else _places(output.logits, batch)).cpu().numpy()
        found += zip(indices.tolist(), answers, labels, strict=True)
        on_batch()
    if losses:
        loss = torch.stack(losses).sum().item()
    if accelerator.num_processes > 1:
        found = gather_object(found)
        loss = sum(gather_object([loss]))
    found.sort(key=lambda item: item[0])
    joined = _joined(found, loss / len(rows))
    return joined if labelled else replace(joined, labels=None, loss=float("nan"))


def _places(logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Stand-ins for labels: one for each row, or for each token that is no padding."""
    if logits.ndim < 3:
        return torch.zeros(len(logits))
    return torch.where(batch["attention_mask"].bool(), 0, IGNORED_LABEL)


def _joined(found: list[tuple[int, np.ndarray, np.ndarray]], loss: float) -> TaskPredictions:
    if found[0][2].ndim == 0:
        answers = np.stack([answer for _, answer, _ in found])
        return TaskPredictions(answers, np.stack([label for _, _, label in found]), loss)
    kept = [
        (answers[mask], tags[mask], np.full(mask.sum(), row))
        for row, answers, tags in found
        for mask in [tags != IGNORED_LABEL]
    ]
    answers, tags, rows = (np.concatenate(part) for part in zip(*kept, strict=True))
    return TaskPredictions(answers, tags, loss, rows)


def task_metrics(
    tasks: Mapping[str, TaskConfig],
    predictions: Mapping[str, TaskPredictions],
    prefix: str,
) -> dict[str, float]:
    """`<prefix>_<task>_<metric>` and `<prefix>_<task>_loss` of every task with labels.

    Raises:
        InputError: if a task has answers that are not finite numbers, as a diverged model gives.
    """
    metrics: dict[str, Any] = {}
    for name, found in predictions.items():
        task = tasks[name]
        _check_finite(name, found.answers)
        if found.labels is None:
            continue
        values = compute_task_metrics(
            task.kind,
            found.predictions,
            found.labels,
            num_labels=len(task.labels) if task.labels else None,
        )
        metrics.update({f"{prefix}_{name}_{metric}": value for metric, value in values.items()})
        metrics[f"{prefix}_{name}_loss"] = found.loss
    return metrics


def _check_finite(task: str, answers: np.ndarray) -> None:
    broken = int((~np.isfinite(answers)).reshape(len(answers), -1).any(axis=1).sum())
    if broken:
        raise InputError(
            f"task '{task}': {broken} of {len(answers)} answers are not finite numbers: the "
            f"training diverged; lower the learning rate, or go back to an earlier checkpoint"
        )
