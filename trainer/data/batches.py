"""From a task schedule to batches: rows drawn per task, padded to the longest of their batch."""

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
    """The endless sequence of one task's batches: pass after pass over its rows, each reshuffled.

    Any batch can be asked for by its number, so a resumed run finds its place without replaying.

    Args:
        lengths: tokens of each row, (N,).
        batch_size: rows per batch over all ranks.
        seed: seed of the shuffles.
        length_window: batches per window within which rows are sorted by length before they are
            cut into batches; 0 for none. The batches' own order stays random.
        drop_last: leave out the rows, drawn anew in each pass, that do not fill a batch; they are
            a short last batch otherwise.
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
        """Row indices of the batch with this number, counted from 0 over all passes."""
        which, index = divmod(number, self.batches_per_pass)
        if which != self._pass:
            self._batches = self._shuffle(which)
            self._pass = which
        return self._batches[index]

    def _shuffle(self, which: int) -> list[np.ndarray]:
        random = np.random.default_rng([*self.seed, which])
        order = random.permutation(len(self.lengths))
        size = self.batch_size
        # Cut off before the sorting: any row may be in the short batch, which weighs each of its
        # rows more and is what drop_last leaves out.
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

    Every rank goes through the same steps and takes its own rows of each batch, so all ranks train
    the same tasks in a step. It shards by itself and must not be wrapped in another sharding.

    Args:
        schedule: the tasks of each step.
        streams: each task's batches.
        rank: this process.
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
        """Choose the epoch that the next iteration goes through."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self.schedule)

    def __iter__(self) -> Iterator[Rows]:
        drawn = Counter(self.schedule.batches_before(self._epoch))
        for step in self.schedule.epoch(self._epoch):
            rows: Rows = []
            for task in step:
                rows.append((task, self._share(self.streams[task].batch(drawn[task]))))
                drawn[task] += 1
            yield rows

    def _share(self, batch: np.ndarray) -> list[int]:
        missing = -len(batch) % self.world_size
        if missing:
            # Equal shares keep the mean over ranks the mean over rows.
            batch = np.concatenate([batch, np.resize(batch, missing)])
        return batch[self.rank :: self.world_size].tolist()


class MultitaskDataset(torch.utils.data.Dataset):
    """All tasks' tokenised rows behind one dataset that is indexed by steps."""

    def __init__(self, tasks: Mapping[str, Dataset]):
        self.tasks = dict(tasks)

    def __len__(self) -> int:
        return sum(map(len, self.tasks.values()))

    def __getitems__(self, step: Rows) -> dict[str, dict[str, list]]:
        return {task: self.tasks[task][rows] for task, rows in step}


class Collator:
    """Pads each column to the longest row of its batch and makes tensors.

    Args:
        tasks: each task's configuration, which decides the labels' type.
        pad_token_id: id that fills up token ids.
    """

    def __init__(self, tasks: Mapping[str, TaskConfig], pad_token_id: int):
        self.tasks = tasks
        self.pad_token_id = pad_token_id

    def __call__(self, step: dict[str, dict[str, list]]) -> dict[str, dict[str, Tensor]]:
        return {task: self.collate(task, columns) for task, columns in step.items()}

    def collate(self, task: str, columns: dict[str, list]) -> dict[str, Tensor]:
        """One task's batch: the keyword arguments of `HybridMTLModel.forward` but for `task`.

        Rows without labels make a batch without.
        """
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
            kind = torch.long if self.tasks[task].has_labels else torch.float
            batch["labels"] = torch.tensor(labels, dtype=kind)
        return batch


def pad(rows: Sequence[Sequence[int]], value: int) -> tuple[Tensor, Tensor]:
    """Rows of different lengths as one tensor (B, L), filled with `value`, and its mask (B, L)."""
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    mask = np.arange(lengths.max()) < lengths[:, None]
    table = np.full(mask.shape, value, dtype=np.int64)
    table[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    return torch.from_numpy(table), torch.from_numpy(mask.astype(np.int64))
