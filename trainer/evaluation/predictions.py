"""Predictions, labels and loss of a task's rows."""

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
from modeling_hybrid_mtl.heads_hybrid_mtl import TaskHead
from trainer.data.batches import Collator
from trainer.data.partial_labels import label_column
from trainer.data.tokens import IGNORED_LABEL
from trainer.errors import InputError
from trainer.evaluation.metrics import compute_task_metrics

# A row's index, its outputs and its labels.
Result = tuple[int, np.ndarray, np.ndarray]


@dataclass
class TaskPredictions:
    """A task's predictions in the order of its rows.

    Attributes:
        outputs: probabilities (N, C), scores (N,), or (M, C) for token classification, where M
            counts the labeled tokens of all rows, or all tokens without labels. Scores are
            clipped to the range, and correlations are computed on them; the loss is computed on
            the head's unclipped scores. For ranking, the vectors of both texts, (N, 2, D).
        predictions: class indices or scores, (N,) or (M,), or multi-hot, (N, C); for ranking, as
            the outputs.
        labels: as the predictions, -100 or NaN for a row without a label; None without labels. For
            ranking, the hashes of both texts and whether they match, (N, 3).
        loss: mean loss of the labeled rows, times the task's weight; NaN without labels.
        rows: the row of each token, (M,), for token classification; None for other kinds.
    """

    outputs: np.ndarray
    predictions: np.ndarray
    labels: Any
    loss: float
    rows: np.ndarray | None = None

    def labeled(self) -> "TaskPredictions":
        """Return the predictions of the labeled rows."""
        if self.labels is None or self.rows is not None:  # of tokens, all are labeled
            return self
        first = self.labels.reshape(len(self.labels), -1)[:, 0]  # of multi-hot rows, too
        is_float = np.issubdtype(self.labels.dtype, np.floating)
        mask = ~np.isnan(first) if is_float else first != IGNORED_LABEL
        return self.select(mask)

    def select(self, mask: np.ndarray) -> "TaskPredictions":
        """Return the predictions of some rows or tokens, (N,) or (M,), with labels."""
        return replace(
            self,
            outputs=self.outputs[mask],
            predictions=self.predictions[mask],
            labels=self.labels[mask],
            rows=None if self.rows is None else self.rows[mask],
        )


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
    """Run a task's head on all rows, in batches of similar length.

    Args:
        model: the model, which is left in evaluation mode.
        rows: tokenized rows with `length` and, if known, `labels`.
        collator: collates rows into batches.
        batch_size: rows per device and batch.
        accelerator: the device, the precision and the ranks that share the rows.
        on_batch: called after every batch, equally often in every process.
    """
    model.eval()
    batches = _batches_by_length(rows, batch_size)
    results: list[Result] = []
    losses = []
    counts = 0
    labeled = label_column(rows.column_names, task) is not None
    rank, processes = accelerator.process_index, accelerator.num_processes
    for first in range(0, len(batches), processes):
        if first + rank < len(batches):
            indices = batches[first + rank]
            batch = collator.collate(task, rows[indices])
            loss, outputs, labels = _predict_batch(model, task, batch, accelerator)
            if labeled:
                count = int(batch["label_mask"].sum()) if "label_mask" in batch else len(indices)
                counts += count
                losses.append(loss * count)
            results += zip(indices, outputs, labels, strict=True)
        on_batch()
    results, loss = _gather(results, losses, counts, processes)
    predictions = _concatenate(model.heads[task], results, loss)
    return predictions if labeled else replace(predictions, labels=None, loss=float("nan"))


def _gather(
    results: list[Result], losses: list[torch.Tensor], count: int, processes: int
) -> tuple[list[Result], float]:
    """Return the results of all processes, and the mean loss of their labeled rows."""
    loss_sum = torch.stack(losses).sum().item() if losses else 0.0
    if processes > 1:
        results, loss_sum = gather_object(results), sum(gather_object([loss_sum]))
        count = sum(gather_object([count]))
    return results, loss_sum / max(count, 1)


def _batches_by_length(rows: Dataset, batch_size: int) -> list[list[int]]:
    # Longest first: a batch that does not fit in memory fails at once.
    order = np.argsort(-np.asarray(rows["length"][:]), kind="stable").tolist()
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def _predict_batch(
    model: HybridMTLModel, task: str, batch: dict[str, torch.Tensor], accelerator: Accelerator
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return the loss (None without labels), outputs and labels or placeholders of a batch."""
    # Masks stay on the CPU: lengths are computed from them without synchronizing the device.
    batch = {
        name: tensor if name.endswith("_mask") else tensor.to(model.device)
        for name, tensor in batch.items()
    }
    # A model in half precision runs without autocast.
    with accelerator.autocast() if model.dtype.itemsize >= 4 else nullcontext():
        output = model(**batch, task=task)
    outputs = model.heads[task].measured_outputs(output).cpu().numpy()
    labels = batch["labels"] if "labels" in batch else _placeholders(output.logits, batch)
    if "label_mask" in batch:
        missing = float("nan") if labels.is_floating_point() else IGNORED_LABEL
        mask = batch["label_mask"].reshape(-1, *[1] * (labels.dim() - 1))
        labels = labels.cpu().masked_fill(~mask, missing)
    return output.loss, outputs, labels.cpu().numpy()


def _placeholders(logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return placeholder labels: one for each row, or for each token that is not padding."""
    if logits.ndim < 3:
        return torch.zeros(len(logits))
    return torch.where(batch["attention_mask"].bool(), 0, IGNORED_LABEL)


def _concatenate(head: TaskHead, results: list[Result], loss: float) -> TaskPredictions:
    results = sorted(results, key=lambda result: result[0])
    if not head.task.reads_words:
        outputs, labels = (np.stack([result[i] for result in results]) for i in (1, 2))
        return TaskPredictions(outputs, _predictions(head, outputs), labels, loss)
    labeled_tokens = [
        (outputs[mask], tags[mask], np.full(mask.sum(), row))
        for row, outputs, tags in results
        for mask in [tags != IGNORED_LABEL]
    ]
    outputs, tags, rows = (np.concatenate(part) for part in zip(*labeled_tokens, strict=True))
    return TaskPredictions(outputs, _predictions(head, outputs), tags, loss, rows)


def _predictions(head: TaskHead, outputs: np.ndarray) -> np.ndarray:
    return head.predict(torch.from_numpy(outputs)).numpy()


def task_metrics(
    tasks: Mapping[str, TaskConfig],
    predictions: Mapping[str, TaskPredictions],
    prefix: str,
) -> dict[str, float]:
    """Return `<prefix>_<task>_<metric>` and `<prefix>_<task>_loss` of every task with labels.

    Raises:
        InputError: if predictions are not finite, as those of a diverged model.
    """
    metrics: dict[str, Any] = {}
    for name, result in predictions.items():
        task = tasks[name]
        _check_finite(name, result.outputs)
        if result.labels is None:
            continue
        values = compute_task_metrics(
            task.kind,
            result.predictions,
            result.labels,
            num_labels=len(task.labels) if task.labels else None,
            outputs=result.outputs,
            label_names=task.labels,
            rows=result.rows,
        )
        metrics.update({f"{prefix}_{name}_{metric}": value for metric, value in values.items()})
        metrics[f"{prefix}_{name}_loss"] = result.loss
    return metrics


def _check_finite(task: str, outputs: np.ndarray) -> None:
    count = int((~np.isfinite(outputs)).reshape(len(outputs), -1).any(axis=1).sum())
    if count:
        raise InputError(
            f"task '{task}': {count} of {len(outputs)} predictions are not finite numbers: the "
            f"training diverged; lower the learning rate, or go back to an earlier checkpoint"
        )
