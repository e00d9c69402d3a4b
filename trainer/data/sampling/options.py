"""The options of task sampling and of the length of an epoch."""

from dataclasses import dataclass

from transformers import TrainingArguments

from trainer.options import option
from trainer.registry import SAMPLERS

GROUP = "cycle"
STEP_EVERY = ("cycle", "batch")


@dataclass
class SamplingOptions:
    """Options of the choice of an optimizer step's tasks, and of the length of an epoch."""

    step_every: str = option(
        "cycle",
        "cycle: one optimizer step per cycle, over one batch of every task. batch: one optimizer "
        "step per batch.",
        group=GROUP,
        card="always",
    )
    stopping_strategy: str = option(
        "first_exhausted",
        "When an epoch ends. first_exhausted: after the task with the fewest batches. "
        "all_exhausted: after the task with the most; the others start over. For schedules other "
        "than round_robin, an epoch has as many batches as this takes on average over the run: "
        "with proportional, one pass over all rows.",
        group=GROUP,
        card="always",
    )
    cycles_per_epoch: int | None = option(
        None,
        "Cycles per epoch; determined by stopping_strategy if unset, which needs the number of "
        "rows (train_rows) of streamed tasks. A cycle has as many batches as there are tasks.",
        group=GROUP,
        card="changed",
        lowest=1,
    )
    num_train_epochs: float = option(
        TrainingArguments.num_train_epochs,
        "Epochs to train, if max_steps is unset.",
        group=GROUP,
        phase="any",
    )
    task_sampling: str = option(
        "round_robin",
        "How the task of the next batch is chosen. round_robin: each task in turn. proportional, "
        "square_root, temperature, uniform: drawn with a probability proportional to n^a, where n "
        "is the number of batches of a pass over the task's rows and a = 1, 1/2, "
        "1/sampling_temperature, 0. annealed: a falls from 1 in the first epoch to 0.2 in the last "
        "of num_train_epochs, even if max_steps ends the run. fixed: the order of task_sequence. "
        "All but round_robin need step_every: batch. If a step accumulates several batches of a "
        "task, their mean counts as one batch.",
        group=GROUP,
        card="always",
        choices=SAMPLERS,
    )
    sampling_temperature: float = option(
        2.0,
        "Temperature of task_sampling: temperature. 1 equals proportional; higher values approach "
        "uniform.",
        group=GROUP,
        needs=("task_sampling", ("temperature",)),
        lowest=1,
    )
    task_sequence: list[str] | None = option(
        None,
        "The order of tasks of task_sampling: fixed, repeated throughout the run. It names every "
        "task at least once; tasks named more often are trained more often.",
        group=GROUP,
        needs=("task_sampling", ("fixed",)),
    )
    task_order: list[str] | None = option(
        None,
        "The order of the tasks in a cycle; the order of their entries if unset.",
        group=GROUP,
        needs=("task_sampling", ("round_robin",)),
    )
    length_window: int = option(
        50,
        "Rows are sorted by length within windows of this many batches to reduce padding; the "
        "order of the batches and the rows of a pass's short last batch stay random. 0: no "
        "sorting.",
        group="data",
        card="changed",
        phase="any",
        lowest=0,
    )
