"""The options of task sampling: which task's batch comes next, and what ends an epoch."""

from dataclasses import dataclass

from transformers import TrainingArguments

from trainer.options import option
from trainer.registry import SAMPLERS

GROUP = "cycle"
STEP_EVERY = ("cycle", "batch")


@dataclass
class SamplingOptions:
    """How the tasks of an optimizer step are chosen, and what ends an epoch."""

    step_every: str = option(
        "cycle",
        "cycle: one optimizer step per cycle, over one batch of every task. turn: one optimizer "
        "step per batch, tasks in turn.",
        group=GROUP,
        card="always",
    )
    stopping_strategy: str = option(
        "first_exhausted",
        "What ends an epoch. first_exhausted: the task with the fewest batches. all_exhausted: "
        "the task with the most; the others start over. A schedule that is not round-robin has an "
        "epoch of as many turns as this takes on average over the run: with proportional, one "
        "pass over all rows.",
        group=GROUP,
        card="always",
    )
    cycles_per_epoch: int | None = option(
        None,
        "Cycles per epoch, instead of a number that follows from stopping_strategy. A cycle is as "
        "many turns as there are tasks.",
        group=GROUP,
        card="changed",
        lowest=1,
    )
    num_train_epochs: float = option(
        TrainingArguments.num_train_epochs,
        "Epochs to train, if max_steps does not say how many steps.",
        group=GROUP,
        phase="any",
    )
    task_sampling: str = option(
        "round_robin",
        "Which task's batch comes next. round_robin: each task in turn. proportional, "
        "square_root, temperature, uniform: drawn with a probability proportional to n^a, n being "
        "the batches of a pass over the task's rows and a = 1, 1/2, 1/sampling_temperature, 0. "
        "annealed: a falls from 1 in the first epoch to 0.2 in the last of num_train_epochs, even "
        "if max_steps ends the run. fixed: task_sequence. All but round_robin need step_every: "
        "batch. In a step that accumulates several batches of a task these count as one, with "
        "their mean.",
        group=GROUP,
        card="always",
        choices=SAMPLERS,
    )
    sampling_temperature: float = option(
        2.0,
        "Of task_sampling: temperature. 1: like proportional; the higher, the more like uniform.",
        group=GROUP,
        needs=("task_sampling", ("temperature",)),
        lowest=1,
    )
    task_sequence: list[str] | None = option(
        None,
        "The order of turns of task_sampling: fixed, repeated on and on; names every task at "
        "least once, and those more often that are to be trained more often.",
        group=GROUP,
        needs=("task_sampling", ("fixed",)),
    )
    task_order: list[str] | None = option(
        None,
        "The order of the tasks' turns; the order of their entries if left out.",
        group=GROUP,
        needs=("task_sampling", ("round_robin",)),
    )
    length_window: int = option(
        50,
        "Batches are cut from windows of this many batches sorted by length, so that little of a "
        "batch is padding; their order stays random, and so are the rows of a pass's short last "
        "batch. 0: no sorting.",
        group="data",
        card="changed",
        phase="any",
        lowest=0,
    )
