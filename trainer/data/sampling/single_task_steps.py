"""Schedules of one task per step: drawn at random, or in an order that the user gives."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from trainer.data.sampling.round_robin import StepTasks


class SingleTaskSteps(ABC):
    """A schedule whose steps have one task each.

    A cycle is as many steps as there are tasks, whichever tasks they have.

    Args:
        tasks: the tasks' names.
        cycles: cycles per epoch.
    """

    def __init__(self, tasks: Sequence[str], cycles: int):
        self.tasks = tuple(tasks)
        self.cycles = cycles
        self._batches_before: list[Counter[str]] = [Counter()]

    @abstractmethod
    def order(self, epoch: int) -> np.ndarray:
        """Return the tasks of an epoch's steps, as indices into `tasks`, (len(self),)."""

    def __len__(self) -> int:
        """Return the number of steps in an epoch."""
        return self.cycles * len(self.tasks)

    def epoch(self, epoch: int) -> Iterator[StepTasks]:
        """Yield the task of each step of an epoch."""
        steps: list[StepTasks] = [(task,) for task in self.tasks]
        return (steps[place] for place in self.order(epoch))

    def batches_before(self, epoch: int) -> Counter[str]:
        """Return how many batches of each task the epochs before this one use."""
        counts = self._batches_before
        while len(counts) <= epoch:
            drawn = np.bincount(self.order(len(counts) - 1), minlength=len(self.tasks))
            counts.append(counts[-1] + Counter(dict(zip(self.tasks, drawn.tolist(), strict=True))))
        return counts[epoch].copy()


class Sampled(SingleTaskSteps):
    """A schedule whose tasks are drawn at random.

    The draws follow from the seed and the epoch alone, so every rank makes the same ones and a
    resumed run finds its place.

    Args:
        tasks: the tasks' names.
        cycles: cycles per epoch.
        shares: each task's probability, by epoch, (E, K); later epochs have the last row's.
        seed: seed of the draws.
    """

    def __init__(self, tasks: Sequence[str], cycles: int, shares: np.ndarray, seed: int):
        super().__init__(tasks, cycles)
        self.shares = shares
        self.seed = seed

    def order(self, epoch: int) -> np.ndarray:
        """Return the tasks of an epoch's steps, as indices into `tasks`, (len(self),)."""
        count = len(self.tasks)
        # Tasks shuffle their rows with the seeds [seed, 0, pass] to [seed, K - 1, pass].
        random = np.random.default_rng([self.seed, count, epoch])
        shares = self.shares[min(epoch, len(self.shares) - 1)]
        return random.choice(count, size=len(self), p=shares)


class Fixed(SingleTaskSteps):
    """A given order of tasks that is repeated; an epoch goes on where the one before stopped.

    Args:
        tasks: the tasks' names.
        cycles: cycles per epoch.
        sequence: the order of the steps; holds every task at least once.
    """

    def __init__(self, tasks: Sequence[str], cycles: int, sequence: Sequence[str]):
        super().__init__(tasks, cycles)
        self._places = np.array([self.tasks.index(task) for task in sequence])

    def order(self, epoch: int) -> np.ndarray:
        """Return the tasks of an epoch's steps, as indices into `tasks`, (len(self),)."""
        order = np.arange(epoch * len(self), (epoch + 1) * len(self))
        return self._places[order % len(self._places)]


def shares_of_tasks(batches: Mapping[str, int], exponents: Sequence[float]) -> np.ndarray:
    """Return each task's probability n^a / sum(n^a), one row per exponent a, (E, K).

    n counts the batches of one pass over a task's rows and not the rows: what is drawn is a batch,
    so with a = 1 every row is seen equally often, whatever its task's batch size.

    Args:
        batches: task -> batches of one pass.
        exponents: 1 draws in proportion to size, 0 all tasks alike.
    """
    counts = np.array(list(batches.values()), dtype=float)
    weights = counts ** np.array(exponents)[:, None]
    return weights / weights.sum(axis=1, keepdims=True)
