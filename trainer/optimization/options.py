"""The options of optimization: how parameters are divided among optimizers, and their rates."""

import json
from dataclasses import dataclass, fields
from typing import Any

from transformers import SchedulerType, TrainingArguments
from transformers.training_args import OptimizerNames

from trainer.errors import InputError, did_you_mean
from trainer.optimization.cyclic import CYCLIC
from trainer.options import check_lowest, check_types, option

GROUP = "optimization"
ADAM = "adam"
OPTIMIZERS = (*(name.value for name in OptimizerNames), ADAM)
SCHEDULES = (*(kind.value for kind in SchedulerType), CYCLIC)
# What a task may have of its own; the shared part's are the arguments of the same names.
SCHEDULE_FIELDS = ("lr_scheduler_type", "warmup_steps", "lr_scheduler_kwargs")
LOWEST_OF_TASK = {
    "learning_rate": 0,
    "weight_decay": 0,
    "batch_size": 1,
    "warmup_steps": 0,
    "smart_weight": 0,
    "bregman_weight": 0,
    "rdrop_weight": 0,
}


@dataclass
class TaskTraining:
    """How one task is trained.

    Attributes:
        learning_rate: of the head; `learning_rate` when left out.
        weight_decay: of the head; `weight_decay` when left out.
        batch_size: rows per device and batch; `per_device_train_batch_size` when left out.
        smart_weight: of SMART's term; `smart_weight` when left out.
        bregman_weight: of the Bregman term; `bregman_weight` when left out.
        rdrop_weight: of R-Drop's term; `rdrop_weight` when left out.
        lr_scheduler_type: of the head's learning rate; `lr_scheduler_type` when left out.
        warmup_steps: of its schedule, in the run's optimizer steps; `warmup_steps` when left out.
        lr_scheduler_kwargs: options of its schedule; when left out with `lr_scheduler_type`, the
            run's, otherwise none.
        max_validation_rows: most validation rows that evaluations between the first step and the
            last measure, drawn by the seed; all when left out. The metrics after the last step, and
            before the first with `eval_on_start`, are always of all. With `label_generator`: most
            validation rows that are made at all.
        auxiliary: whether the task only helps the others: it is trained and measured, and has no
            part in the overall score.
    """

    learning_rate: float | None = None
    weight_decay: float | None = None
    batch_size: int | None = None
    smart_weight: float | None = None
    bregman_weight: float | None = None
    rdrop_weight: float | None = None
    lr_scheduler_type: str | None = None
    warmup_steps: float | None = None
    lr_scheduler_kwargs: dict[str, Any] | None = None
    max_validation_rows: int | None = None
    auxiliary: bool = False


@dataclass
class OptimizationOptions:
    """Learning rates, schedules, and how parameters are divided among optimizers."""

    optimizer_layout: str = option(
        "siloed",
        "How parameters are divided among optimizers. siloed: one per task's head and one for the "
        "shared backbone, no overlap. single: one for all, with one learning rate. per_task: one "
        "per task, which owns its head and, with moments of its own, the backbone, which so takes "
        "a step per task. overlapping: as per_task, and one more for the backbone.",
        group=GROUP,
        card="always",
    )
    learning_rate: float = option(
        TrainingArguments.learning_rate,
        "Learning rate of the shared backbone, and of the tasks' heads unless their entries say "
        "otherwise.",
        group=GROUP,
        card="always",
        phase="any",
        lowest=0,
    )
    weight_decay: float = option(
        TrainingArguments.weight_decay,
        "Weight decay of the shared backbone, and of the tasks' heads unless their entries say "
        "otherwise.",
        group=GROUP,
        card="always",
        phase="any",
        lowest=0,
    )
    lr_scheduler_type: str = option(
        "linear",
        "Schedule of the learning rates, the tasks' too unless their entries say otherwise: "
        f"{', '.join(SCHEDULES)}.",
        group=GROUP,
        card="always",
        phase="any",
    )
    lr_scheduler_kwargs: dict | str | None = option(
        None,
        "Options of the schedule. Of cyclic: step_size_up and step_size_down in optimizer steps, "
        "or below 1 as shares of all; base_share, the lowest share of the rate; mode: triangular, "
        "triangular2 or exp_range, which needs gamma.",
        group=GROUP,
        card="changed",
        phase="any",
    )
    warmup_steps: float = option(
        TrainingArguments.warmup_steps,
        "Optimizer steps in which the rates grow from 0; below 1 a share of all steps.",
        group=GROUP,
        card="always",
        phase="any",
        lowest=0,
    )
    optim: str = option(
        TrainingArguments.optim,
        "The kind of optimizer; the weight decay of adam is a part of the gradient: "
        f"{', '.join(OPTIMIZERS)}.",
        group=GROUP,
        card="always",
        phase="any",
    )
    layer_decay: float | None = option(
        None,
        "Factor of the backbone's learning rate from each layer to the one below, such as 0.9; "
        "the embeddings have the lowest rate.",
        group=GROUP,
        card="changed",
    )
    ema_decay: float | None = option(
        None,
        "Evaluate and save an exponential moving average of the weights that keeps this much of "
        "itself in each step, such as 0.99.",
        group=GROUP,
        card="changed",
    )
    loss_weights_learning_rate: float | None = option(
        None,
        "Learning rate of learned loss weights; 0.001 if left out.",
        group=GROUP,
        lowest=0,
        needs=("loss_weights", ("uncertainty",)),
    )
    max_grad_norm: float = option(
        TrainingArguments.max_grad_norm,
        "Gradients that are longer are scaled down to this norm; 0: none is. Layouts siloed and "
        "single: the gradient of all of the model's parameters together. per_task and overlapping: "
        "for each optimizer that of all it owns, a task's head and the backbone as the task sees "
        "it.",
        group=GROUP,
        card="always",
        phase="any",
        lowest=0,
    )
    task_args: dict | str | None = option(
        None,
        "Task -> learning_rate, weight_decay, batch_size, auxiliary, ... In a config file and on "
        "the command line, give these in the task's own entry.",
        group=GROUP,
        phase="run",
        instead="give the fields in the task's own entry under tasks",
    )

    @property
    def own_of_tasks(self) -> dict[str, dict[str, Any]]:
        """Task -> what it has of its own, as `task_args` gives it."""
        assert isinstance(self.task_args, dict)  # since they were read
        return self.task_args

    @property
    def unscored_tasks(self) -> list[str]:
        """The tasks that `task_args` calls auxiliary: they have no part in the overall score."""
        return [name for name, entry in self.own_of_tasks.items() if entry.get("auxiliary")]

    def task_training(self, task: str) -> TaskTraining:
        """Return how a task is trained, with the run's values for what its entry leaves out.

        Raises:
            InputError: naming the task and the value that is wrong.
        """
        entry = self.own_of_tasks.get(task, {})
        known = [f.name for f in fields(TaskTraining)]
        for key in entry:
            if key not in known:
                raise InputError(
                    f"task_args: task '{task}': unknown field '{key}'.{did_you_mean(key, known)}"
                )
        given = TaskTraining(**entry)
        check_types(given, f"task '{task}': ")
        shared = {name: getattr(self, name, None) for name in known}
        shared["batch_size"] = getattr(self, "per_device_train_batch_size", None)
        if given.lr_scheduler_type is not None:
            shared["lr_scheduler_kwargs"] = None  # which are another schedule's
        own = {name: value for name, value in vars(given).items() if value is not None}
        filled = TaskTraining(**{**shared, **own})
        most = filled.max_validation_rows
        if most is not None and (type(most) is not int or most < 1):
            raise InputError(
                f"task '{task}': max_validation_rows = {most!r}: must be a whole number, 1 or more"
            )
        for key, lowest in LOWEST_OF_TASK.items():
            check_lowest(f"task '{task}': {key}", getattr(filled, key), lowest)
        return filled


def read_task_args(given: Any) -> dict[str, dict[str, Any]]:
    """Return `task_args` as task -> fields, from JSON, fields or `TaskTraining`s.

    Raises:
        InputError: naming the task whose entry is something else.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except json.JSONDecodeError as error:
            raise InputError(f"task_args: is not JSON: {error}") from error
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise InputError(f"task_args: expected task -> fields, got {given!r}")
    entries = {name: vars(e) if isinstance(e, TaskTraining) else e for name, e in given.items()}
    for name, entry in entries.items():
        if not isinstance(entry, dict):
            raise InputError(f"task_args: task '{name}': expected fields, got {entry!r}")
    return entries


def check_shares(options: OptimizationOptions) -> None:
    """Make sure that shares are shares.

    Raises:
        InputError: naming the option.
    """
    if options.layer_decay is not None and not 0 < options.layer_decay <= 1:
        raise InputError(f"layer_decay = {options.layer_decay!r}: must be above 0, at most 1")
    if options.ema_decay is not None and not 0 <= options.ema_decay < 1:
        raise InputError(f"ema_decay = {options.ema_decay!r}: must be from 0 to below 1")
