"""Round robin: every task has its turn in every cycle."""

from collections import Counter
from collections.abc import Iterator, Sequence

Plan = tuple[str, ...]


class RoundRobin:
    """Every task in turn, in a fixed order.

    With `update="cycle"` one plan holds one batch of every task; with `update="turn"` each batch is
    a plan of its own. Either way a cycle is one batch of each task.

    Args:
        tasks: the tasks in the order of their turns.
        cycles: cycles per epoch.
        update: `cycle` or `turn`.
    """

    def __init__(self, tasks: Sequence[str], cycles: int, update: str):
        self.tasks = tuple(tasks)
        self.cycles = cycles
        self.update = update

    def __len__(self) -> int:
        """Plans per epoch."""
        return self.cycles * (1 if self.update == "cycle" else len(self.tasks))

    def epoch(self, epoch: int) -> Iterator[Plan]:
        """The plans of one epoch, in order; the same in every epoch."""
        turns: list[Plan] = [(task,) for task in self.tasks]
        cycle = [self.tasks] if self.update == "cycle" else turns
        for _ in range(self.cycles):
            yield from cycle

    def drawn_before(self, epoch: int) -> Counter[str]:
        """How many batches of each task the epochs before this one have used."""
        return Counter(dict.fromkeys(self.tasks, epoch * self.cycles))
