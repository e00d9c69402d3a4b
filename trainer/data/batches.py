"""Batches from a task schedule: rows drawn per task, padded to the longest of their batch."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from modeling_hybrid_mtl import TaskConfig
from trainer.data.label_weights import LabelWeights
from trainer.data.partial_labels import is_missing, label_column
from trainer.data.sampling import TaskSchedule
from trainer.data.soft_labels import is_soft
from trainer.data.tokens import IGNORED_LABEL

Rows = list[tuple[str, list[int], float]]


class TaskStream:
    """The endless sequence of one task's batches, reshuffled in every pass over its rows.

    Batches are indexed by number, so a resumed run continues without replaying earlier ones.

    Args:
        lengths: tokens of each row of the task's table, (M,).
        batch_size: rows per batch over all ranks.
        seed: seed of the shuffles.
        length_window: batches per window within which rows are sorted by length before they are
            split into batches; 0 for no sorting. The order of the batches stays random.
        drop_last: drop the rows, drawn anew in each pass, that do not fill a batch; otherwise they
            are a short last batch.
        labeled: whether each row has a label, (M,); all if None.
        rows: the rows to draw, (N,); the labeled ones if None.
    """

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        batch_size: int,
        seed: Sequence[int],
        length_window: int = 0,
        drop_last: bool = False,
        labeled: np.ndarray | None = None,
        rows: np.ndarray | None = None,
    ):
        self.lengths = np.asarray(lengths)
        self.labeled = np.ones(len(self.lengths), bool) if labeled is None else labeled
        self.rows = np.flatnonzero(self.labeled) if rows is None else rows
        self.batch_size = batch_size
        self.seed = list(seed)
        self.length_window = length_window
        full, rest = divmod(len(self.rows), batch_size)
        self.batches_per_pass = max(1, full if drop_last else full + bool(rest))
        self._pass = -1
        self._batches: list[np.ndarray] = []

    def batch(self, number: int) -> np.ndarray:
        """Return the row indices of a batch, numbered from 0 over all passes."""
        pass_number, index = divmod(number, self.batches_per_pass)
        if pass_number != self._pass:
            self._batches = self._shuffle(pass_number)
            self._pass = pass_number
        return self._batches[index]

    def _shuffle(self, pass_number: int) -> list[np.ndarray]:
        random = np.random.default_rng([*self.seed, pass_number])
        order = self.rows[random.permutation(len(self.rows))]
        return split_into_batches(order, self.lengths, self.batch_size, self.length_window, random)

    def share(self, number: int, rank: int, world_size: int) -> tuple[list[int], float]:
        """Return a rank's rows of a batch, and the factor of their mean loss.

        With that factor, the mean over ranks equals the mean over the batch's labeled rows.
        """
        batch = filled(self.batch(number), world_size)
        share = batch[rank::world_size]
        total = self.labeled[batch].sum() / world_size
        return share.tolist(), float(self.labeled[share].sum() / total) if total else 1.0


def split_into_batches(
    order: np.ndarray,
    lengths: np.ndarray,
    size: int,
    length_window: int,
    random: np.random.Generator,
) -> list[np.ndarray]:
    """Return batches of shuffled rows, in random order but for a short last one.

    Args:
        order: the rows, shuffled, (N,).
        lengths: tokens of each row, indexed by the values of `order`.
        size: rows of a batch.
        length_window: see `TaskStream`.
        random: the generator for the order of the batches.
    """
    # Split off before the sorting, so that any row may be in the short batch, whose rows weigh
    # more or are dropped.
    full, short = np.split(order, [len(order) - len(order) % size])
    window = size * length_window or len(full) or 1
    batches: list[np.ndarray] = []
    for start in range(0, len(full), window):
        rows = full[start : start + window]
        if length_window:
            rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += list(rows.reshape(-1, size))
    if length_window:
        batches = [batches[i] for i in random.permutation(len(batches))]
    return [*batches, short] if len(short) else batches


def filled(batch: np.ndarray, world_size: int) -> np.ndarray:
    """Return a batch with rows repeated until all ranks have the same number of them."""
    missing = -len(batch) % world_size
    return np.concatenate([batch, np.resize(batch, missing)]) if missing else batch


class BatchStream(Protocol):
    """The batches of one task, by number."""

    def share(self, number: int, rank: int, world_size: int) -> tuple[list[int], float]:
        """Return the indices of a rank's part of a batch, and the factor of its mean loss."""
        ...


class TaskBatchSampler:
    """A batch sampler whose items are steps: `[(task, row indices, loss scale), ...]`.

    Every rank iterates over the same steps and takes its share of the rows of each batch, so all
    ranks train the same tasks in a step. Do not wrap it in another sharding sampler.

    Args:
        schedule: the tasks of each step.
        streams: each task's batches.
        rank: the rank of this process.
        world_size: the number of processes.
    """

    def __init__(
        self,
        schedule: TaskSchedule,
        streams: Mapping[str, BatchStream],
        rank: int = 0,
        world_size: int = 1,
    ):
        self.schedule = schedule
        self.streams = streams
        self.rank = rank
        self.world_size = world_size
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next iteration."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self.schedule)

    def __iter__(self) -> Iterator[Rows]:
        numbers = Counter(self.schedule.batches_before(self._epoch))
        for step in self.schedule.epoch(self._epoch):
            rows: Rows = []
            for task in step:
                share = self.streams[task].share(numbers[task], self.rank, self.world_size)
                rows.append((task, *share))
                numbers[task] += 1
            yield rows


class MultitaskDataset(torch.utils.data.Dataset):
    """The tokenized rows of all tasks, indexed by steps.

    Tasks may share a table: one `Dataset` object with a column `labels_<task>` for each of them.
    Rows may be streamed: they have no index, and those in a step are a batch with a number.

    Args:
        tasks: task -> its rows: `Dataset`, `StreamedRows`, or `StreamedBatches` to be indexed.
    """

    def __init__(self, tasks: Mapping[str, Any]):
        self.tasks = dict(tasks)

    def __len__(self) -> int:
        return sum(rows.num_rows or 0 for rows in self.tasks.values())

    def __getitems__(self, step: Rows) -> dict[str, dict[str, Any]]:
        """Return task -> columns of its rows, and `loss_scale` unless it is 1.

        Equal rows of one table are the same objects.
        """
        fetched: dict[Any, dict[str, list]] = {}
        batches: dict[str, dict[str, Any]] = {}
        for task, rows, scale in step:
            key = id(self.tasks[task]), tuple(rows)
            if key not in fetched:
                fetched[key] = self.tasks[task][rows]
            batches[task] = {**fetched[key], **({} if scale == 1 else {"loss_scale": scale})}
        return batches


class Collator:
    """Pads each column to the longest row of its batch and converts it to a tensor.

    Args:
        tasks: each task's configuration, which determines the dtype of the labels.
        pad_token_id: padding value of token ids.
        weights: the weights of each task's labels in training.
    """

    def __init__(
        self,
        tasks: Mapping[str, TaskConfig],
        pad_token_id: int,
        weights: Mapping[str, LabelWeights] | None = None,
    ):
        self.tasks = tasks
        self.pad_token_id = pad_token_id
        self.weights = weights or {}

    def __call__(self, step: dict[str, dict[str, Any]]) -> dict[str, dict[str, Tensor]]:
        """Return task -> batch of a training step.

        Tasks with the same rows share the tensors of their inputs.
        """
        inputs: dict[int, dict[str, Tensor]] = {}
        batches = {}
        for task, columns in step.items():
            table = id(columns["input_ids"])
            if table not in inputs:
                inputs[table] = self._inputs(columns)
            batches[task] = {**inputs[table], **self._labels(task, columns)}
            if task in self.weights:
                labels = batches[task]["labels"]
                weights = self.weights[task].of_batch(task, columns, labels)
                if weights is not None:
                    batches[task]["label_weights"] = weights
            if "loss_scale" in columns:
                batches[task]["loss_scale"] = torch.tensor(columns["loss_scale"])
        return batches

    def collate(self, task: str, columns: dict[str, list]) -> dict[str, Tensor]:
        """Return the arguments of `HybridMTLModel.forward` except `task`, with `labels` if any.

        Labels have no weights, which are for training only, and soft ones are the most probable
        class.
        """
        batch = {**self._inputs(columns), **self._labels(task, columns)}
        labels = batch.get("labels")
        if labels is not None and self.tasks[task].output_type == "class" and labels.dim() > 1:
            batch["labels"] = labels.argmax(dim=-1)
        return batch

    def _inputs(self, columns: dict[str, list]) -> dict[str, Tensor]:
        batch: dict[str, Tensor] = {}
        for name, rows in columns.items():
            if name.endswith("input_ids"):
                batch[name], mask = pad(rows, self.pad_token_id)
                batch[name.replace("input_ids", "attention_mask")] = mask
            elif name.endswith("token_type_ids"):
                batch[name], _ = pad(rows, 0)
        return batch

    def _labels(self, task: str, columns: dict[str, list]) -> dict[str, Tensor]:
        column = label_column(columns, task)
        if column is None:
            return {}
        labels: list[Any] = columns[column]
        if self.tasks[task].reads_words:
            tokens = columns["input_ids"]
            labels = [
                [IGNORED_LABEL] * len(ids) if tags is None else tags
                for tags, ids in zip(labels, tokens, strict=True)
            ]
            return {"labels": pad(labels, IGNORED_LABEL)[0]}
        kind = self.tasks[task].label_type
        in_lists = kind == "labels" or any(is_soft(label, self.tasks[task]) for label in labels)
        dtype = torch.long if kind == "class" and not in_lists else torch.float
        missing = [is_missing(label, self.tasks[task]) for label in labels]
        placeholder: Any = [0.0] * len(self.tasks[task].labels or []) if in_lists else 0
        known = [
            placeholder if absent else label for label, absent in zip(labels, missing, strict=True)
        ]
        batch = {
            "labels": _hashed(columns, known)
            if kind == "match"
            else torch.tensor(known, dtype=dtype)
        }
        if any(missing):
            batch["label_mask"] = ~torch.tensor(missing)
        return batch


def _hashed(columns: dict[str, list], matches: list[float]) -> Tensor:
    """Return the hashes of both texts' tokens and whether they match, (B, 3)."""
    # Equal in all processes: hashes of numbers are not randomized.
    sides = zip(columns["input_ids"], columns["pair_input_ids"], matches, strict=True)
    return torch.tensor([[hash(tuple(a)), hash(tuple(b)), int(m)] for a, b, m in sides])


def pad(rows: Sequence[Sequence[int]], value: int) -> tuple[Tensor, Tensor]:
    """Return rows of different lengths padded with `value`, (B, L), and their mask, (B, L)."""
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    mask = np.arange(lengths.max()) < lengths[:, None]
    padded = np.full(mask.shape, value, dtype=np.int64)
    padded[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    return torch.from_numpy(padded), torch.from_numpy(mask.astype(np.int64))
