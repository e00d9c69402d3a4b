"""Round-robin schedule: one batch of every task in every cycle."""

from collections import Counter
from collections.abc import Iterator, Sequence

StepTasks = tuple[str, ...]


class RoundRobin:
    """A schedule of every task in turn, in a fixed order.

    Args:
        tasks: the tasks in order; a cycle has one batch of each.
        cycles: cycles per epoch.
        step_every: `cycle` for one step per cycle, `batch` for one step per batch.
    """

    def __init__(self, tasks: Sequence[str], cycles: int, step_every: str):
        self.tasks = tuple(tasks)
        self.cycles = cycles
        self.step_every = step_every

    def __len__(self) -> int:
        """Return the number of steps in an epoch."""
        return self.cycles * (1 if self.step_every == "cycle" else len(self.tasks))

    def epoch(self, epoch: int) -> Iterator[StepTasks]:
        """Yield the tasks of each step of an epoch, the same in all epochs."""
        batches: list[StepTasks] = [(task,) for task in self.tasks]
        cycle = [self.tasks] if self.step_every == "cycle" else batches
        for _ in range(self.cycles):
            yield from cycle

    def batches_before(self, epoch: int) -> Counter[str]:
        """Return the number of batches of each task in earlier epochs."""
        return Counter(dict.fromkeys(self.tasks, epoch * self.cycles))
