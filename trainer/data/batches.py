"""Batches from a task schedule: rows drawn per task, padded to the longest of their batch."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from modeling_hybrid_mtl import TaskConfig
from trainer.data.sampling import TaskSchedule
from trainer.data.tokens import IGNORED_LABEL

Rows = list[tuple[str, list[int]]]


class TaskStream:
    """The endless sequence of one task's batches, reshuffled in every pass over its rows.

    Batches are indexed by number, so a resumed run continues without replaying earlier ones.

    Args:
        lengths: tokens of each row, (N,).
        batch_size: rows per batch over all ranks.
        seed: seed of the shuffles.
        length_window: batches per window within which rows are sorted by length before they are
            split into batches; 0 for no sorting. The order of the batches stays random.
        drop_last: drop the rows, drawn anew in each pass, that do not fill a batch; otherwise they
            are a short last batch.
    """

    def __init__(
        self,
        lengths: Sequence[int] | np.ndarray,
        batch_size: int,
        seed: Sequence[int],
        length_window: int = 0,
        drop_last: bool = False,
    ):
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = list(seed)
        self.length_window = length_window
        full, rest = divmod(len(self.lengths), batch_size)
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
        order = random.permutation(len(self.lengths))
        size = self.batch_size
        # Split off before the sorting, so that any row may be in the short batch, whose rows weigh
        # more or are dropped.
        full, short = np.split(order, [len(order) - len(order) % size])
        window = size * self.length_window or len(full) or 1
        batches: list[np.ndarray] = []
        for start in range(0, len(full), window):
            rows = full[start : start + window]
            if self.length_window:
                rows = rows[np.argsort(self.lengths[rows], kind="stable")]
            batches += list(rows.reshape(-1, size))
        if self.length_window:
            batches = [batches[i] for i in random.permutation(len(batches))]
        return [*batches, short] if len(short) else batches


class TaskBatchSampler:
    """A batch sampler whose items are steps: `[(task, row indices), ...]`.

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
        streams: Mapping[str, TaskStream],
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
                rows.append((task, self._share(self.streams[task].batch(numbers[task]))))
                numbers[task] += 1
            yield rows

    def _share(self, batch: np.ndarray) -> list[int]:
        missing = -len(batch) % self.world_size
        if missing:
            # With equal shares, the mean over ranks equals the mean over rows.
            batch = np.concatenate([batch, np.resize(batch, missing)])
        return batch[self.rank :: self.world_size].tolist()


class MultitaskDataset(torch.utils.data.Dataset):
    """The tokenized rows of all tasks, indexed by steps."""

    def __init__(self, tasks: Mapping[str, Dataset]):
        self.tasks = dict(tasks)

    def __len__(self) -> int:
        return sum(map(len, self.tasks.values()))

    def __getitems__(self, step: Rows) -> dict[str, dict[str, list]]:
        return {task: self.tasks[task][rows] for task, rows in step}


class Collator:
    """Pads each column to the longest row of its batch and converts it to a tensor.

    Args:
        tasks: each task's configuration, which determines the dtype of the labels.
        pad_token_id: padding value of token ids.
    """

    def __init__(self, tasks: Mapping[str, TaskConfig], pad_token_id: int):
        self.tasks = tasks
        self.pad_token_id = pad_token_id

    def __call__(self, step: dict[str, dict[str, list]]) -> dict[str, dict[str, Tensor]]:
        return {task: self.collate(task, columns) for task, columns in step.items()}

    def collate(self, task: str, columns: dict[str, list]) -> dict[str, Tensor]:
        """Return the arguments of `HybridMTLModel.forward` except `task`, with `labels` if any."""
        batch: dict[str, Tensor] = {}
        for name, rows in columns.items():
            if name.endswith("input_ids"):
                batch[name], mask = pad(rows, self.pad_token_id)
                batch[name.replace("input_ids", "attention_mask")] = mask
            elif name.endswith("token_type_ids"):
                batch[name], _ = pad(rows, 0)
        if "labels" not in columns:
            return batch
        labels: list[Any] = columns["labels"]
        if self.tasks[task].reads_words:
            batch["labels"], _ = pad(labels, IGNORED_LABEL)
        else:
            dtype = torch.long if self.tasks[task].output_type == "class" else torch.float
            batch["labels"] = torch.tensor(labels, dtype=dtype)
        return batch


def pad(rows: Sequence[Sequence[int]], value: int) -> tuple[Tensor, Tensor]:
    """Return rows of different lengths padded with `value`, (B, L), and their mask, (B, L)."""
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    mask = np.arange(lengths.max()) < lengths[:, None]
    padded = np.full(mask.shape, value, dtype=np.int64)
    padded[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    return torch.from_numpy(padded), torch.from_numpy(mask.astype(np.int64))
