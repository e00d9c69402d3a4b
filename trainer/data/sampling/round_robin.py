"""Round robin: one batch of every task in every cycle."""

from collections import Counter
from collections.abc import Iterator, Sequence

StepTasks = tuple[str, ...]


class RoundRobin:
    """Every task in turn, in a fixed order.

    With `step_every="cycle"` one step holds one batch of every task; with `step_every="batch"` each
    batch is a step of its own. Either way a cycle is one batch of each task.

    Args:
        tasks: the tasks in the order of their turns.
        cycles: cycles per epoch.
        update: `cycle` or `turn`.
    """

    def __init__(self, tasks: Sequence[str], cycles: int, update: str):
        self.tasks = tuple(tasks)
        self.cycles = cycles
        self.step_every = update

    def __len__(self) -> int:
        """Return the number of steps in an epoch."""
        return self.cycles * (1 if self.step_every == "cycle" else len(self.tasks))

    def epoch(self, epoch: int) -> Iterator[StepTasks]:
        """Yield the tasks of each step of an epoch, which are the same in all epochs."""
        turns: list[StepTasks] = [(task,) for task in self.tasks]
        cycle = [self.tasks] if self.step_every == "cycle" else turns
        for _ in range(self.cycles):
            yield from cycle

    def batches_before(self, epoch: int) -> Counter[str]:
        """Return how many batches of each task the epochs before this one use."""
        return Counter(dict.fromkeys(self.tasks, epoch * self.cycles))
