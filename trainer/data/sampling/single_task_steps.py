"""Schedules of one task per step: drawn at random, or in a configured order."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from trainer.data.sampling.round_robin import StepTasks


class SingleTaskSteps(ABC):
    """A schedule with one task per step; a cycle has as many steps as there are tasks.

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
        return (steps[index] for index in self.order(epoch))

    def batches_before(self, epoch: int) -> Counter[str]:
        """Return the number of batches of each task in earlier epochs."""
        totals = self._batches_before
        while len(totals) <= epoch:
            counts = np.bincount(self.order(len(totals) - 1), minlength=len(self.tasks))
            totals.append(totals[-1] + Counter(dict(zip(self.tasks, counts.tolist(), strict=True))))
        return totals[epoch].copy()


class Sampled(SingleTaskSteps):
    """A schedule of randomly drawn tasks.

    The draws depend on seed and epoch only, so they are the same on every rank and in a resumed
    run.

    Args:
        tasks: the tasks' names.
        cycles: cycles per epoch.
        shares: each task's probability, by epoch, (E, K); the last row applies to later epochs.
        seed: seed of the draws.
    """

    def __init__(self, tasks: Sequence[str], cycles: int, shares: np.ndarray, seed: int):
        super().__init__(tasks, cycles)
        self.shares = shares
        self.seed = seed

    def order(self, epoch: int) -> np.ndarray:
        """Return the tasks of an epoch's steps, as indices into `tasks`, (len(self),)."""
        count = len(self.tasks)
        # The seeds [seed, 0, pass] to [seed, K - 1, pass] are used to shuffle the tasks' rows.
        random = np.random.default_rng([self.seed, count, epoch])
        shares = self.shares[min(epoch, len(self.shares) - 1)]
        return random.choice(count, size=len(self), p=shares)


class Fixed(SingleTaskSteps):
    """A schedule that repeats a sequence of tasks; an epoch continues where the last one ended.

    Args:
        tasks: the tasks' names.
        cycles: cycles per epoch.
        sequence: the tasks of successive steps, each task at least once.
    """

    def __init__(self, tasks: Sequence[str], cycles: int, sequence: Sequence[str]):
        super().__init__(tasks, cycles)
        self._sequence = np.array([self.tasks.index(task) for task in sequence])

    def order(self, epoch: int) -> np.ndarray:
        """Return the tasks of an epoch's steps, as indices into `tasks`, (len(self),)."""
        order = np.arange(epoch * len(self), (epoch + 1) * len(self))
        return self._sequence[order % len(self._sequence)]


def shares_of_tasks(batches: Mapping[str, int], exponents: Sequence[float]) -> np.ndarray:
    """Return each task's probability n^a / sum(n^a), one row per exponent a, (E, K).

    n is the number of batches, not rows, of one pass: since batches are drawn, with a = 1 every row
    is used equally often, independent of its task's batch size.

    Args:
        batches: task -> batches of one pass.
        exponents: 1 for proportional, 0 for uniform probabilities.
    """
    counts = np.array(list(batches.values()), dtype=float)
    weights = counts ** np.array(exponents)[:, None]
    return weights / weights.sum(axis=1, keepdims=True)
