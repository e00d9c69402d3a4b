"""The options of plans, and which plan reads which."""

from dataclasses import dataclass, field

from trainer.errors import InputError

# Option -> the one plan that reads it.
READ_BY = {
    "plan_sequence": "fixed",
    "plan_temperature": "temperature",
    "task_order": "round_robin",
}


@dataclass
class PlanOptions:
    """Which task's batch comes next, and what ends an epoch."""

    stop: str = field(
        default="first_exhausted",
        metadata={
            "help": "What ends an epoch. first_exhausted: the task with the fewest batches. "
            "all_exhausted: the task with the most; the others start over. A plan that does not go "
            "round has an epoch of as many turns as this takes on average over the run: with "
            "proportional, one pass over all rows."
        },
    )
    cycles_per_epoch: int | None = field(
        default=None,
        metadata={
            "help": "Cycles per epoch, instead of a number that follows from stop. A cycle is as "
            "many turns as there are tasks."
        },
    )
    plan: str = field(
        default="round_robin",
        metadata={
            "help": "Which task's batch comes next. round_robin: each task in turn. proportional, "
            "square_root, temperature, uniform: drawn with a probability proportional to n^a, n "
            "being the batches of a pass over the task's rows and a = 1, 1/2, 1/plan_temperature, "
            "0. annealed: a falls from 1 in the first epoch to 0.2 in the last of "
            "num_train_epochs, even if max_steps ends the run. fixed: plan_sequence. All but "
            "round_robin need update: turn. In a step that accumulates several batches of a task "
            "these count as one, with their mean."
        },
    )
    plan_temperature: float = field(
        default=2.0,
        metadata={
            "help": "Of plan: temperature. 1: like proportional; the higher, the more like uniform."
        },
    )
    plan_sequence: list[str] | None = field(
        default=None,
        metadata={
            "help": "The order of turns of plan: fixed, repeated on and on; names every task at "
            "least once, and those more often that are to be trained more often."
        },
    )
    task_order: list[str] | None = field(
        default=None,
        metadata={"help": "The order of the tasks' turns; the order of their entries if left out."},
    )


def check_plan(options: PlanOptions, update: str) -> None:
    """Make sure that the plan has the options it reads, and that no other was given.

    Raises:
        InputError: naming the option and what to do.
    """
    plan = options.plan
    for option, reader in READ_BY.items():
        value = getattr(options, option)
        if plan != reader and value != getattr(PlanOptions, option):
            raise InputError(
                f"{option} = {value!r}: has no effect with plan: {plan}; leave it out, or use "
                f"plan: {reader}"
            )
    if plan != "round_robin" and update == "cycle":
        raise InputError(
            f"plan = '{plan}': chooses one task after another, and a step over a whole cycle has "
            f"one batch of every task; use update: turn, with gradient_accumulation_steps for "
            f"steps over several turns"
        )
    if plan == "fixed" and not options.plan_sequence:
        raise InputError("plan = 'fixed': give the order of the tasks' turns in plan_sequence")
    temperature = options.plan_temperature
    # Put so that NaN fails, too.
    if not (isinstance(temperature, int | float) and temperature >= 1):
        raise InputError(
            f"plan_temperature = {temperature!r}: must be a number, 1 or more; 1 draws tasks in "
            f"proportion to their size"
        )
