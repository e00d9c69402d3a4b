"""The options of optimization: layouts, learning rates, schedules and the tasks' own values."""

from dataclasses import dataclass, fields
from typing import Any

from transformers import SchedulerType, TrainingArguments
from transformers.training_args import OptimizerNames

from trainer.errors import InputError, did_you_mean
from trainer.optimization.cyclic import CYCLIC
from trainer.options import check_lowest, check_types, option, read_mapping

GROUP = "optimization"
ADAM = "adam"
OPTIMIZERS = (*(name.value for name in OptimizerNames), ADAM)
SCHEDULES = (*(kind.value for kind in SchedulerType), CYCLIC)
# Schedule options of a task; the shared ones are the arguments of the same names.
SCHEDULE_FIELDS = ("lr_scheduler_type", "warmup_steps", "lr_scheduler_kwargs")
LOWEST_OF_TASK = {
    "learning_rate": 0,
    "weight_decay": 0,
    "batch_size": 1,
    "warmup_steps": 0,
}


@dataclass
class TaskTraining:
    """Training options of one task.

    Attributes:
        learning_rate: learning rate of the head; the run's if unset.
        weight_decay: weight decay of the head; the run's if unset.
        batch_size: rows per device and batch; `per_device_train_batch_size` if unset.
        smart_weight: weight of SMART's term; the run's if unset.
        bregman_weight: weight of the Bregman term; the run's if unset.
        rdrop_weight: weight of R-Drop's term; the run's if unset.
        class_weights: factors of the classes' losses in training: `balanced` for N / (C N_c), so
            that all classes contribute alike, or a mapping of labels to numbers, 1 for others. For
            multi-label, the factors of rows that have the class; `balanced` is their number's
            inverse ratio to the others. Losses are divided by the number of labels, not by the sum
            of their weights.
        lr_scheduler_type: schedule of the head's learning rate; the run's if unset.
        warmup_steps: warm-up of this schedule, in the run's optimizer steps; the run's if unset.
        lr_scheduler_kwargs: options of this schedule; if unset, the run's, or none if
            `lr_scheduler_type` is set.
        max_validation_rows: maximum number of validation rows, drawn by the seed, in evaluations
            between the first step and the last; all if unset. The metrics after the last step, and
            before the first with `eval_on_start`, always use all rows. With `label_generator`:
            maximum number of generated validation rows.
        auxiliary: whether the task is auxiliary: trained and evaluated, but not part of the overall
            score.
        main_metric: the metric with which the task is part of the overall score; the first of its
            kind if unset.
        score_weight: the task's weight in the overall score, a mean; 0 excludes the task.
    """

    learning_rate: float | None = None
    weight_decay: float | None = None
    batch_size: int | None = None
    smart_weight: float | None = None
    bregman_weight: float | None = None
    rdrop_weight: float | None = None
    class_weights: str | dict[str, float] | None = None
    lr_scheduler_type: str | None = None
    warmup_steps: float | None = None
    lr_scheduler_kwargs: dict[str, Any] | None = None
    max_validation_rows: int | None = None
    auxiliary: bool = False
    main_metric: str | None = None
    score_weight: float = 1.0


@dataclass
class OptimizationOptions:
    """Learning rates, schedules, and how parameters are divided among optimizers."""

    optimizer_layout: str = option(
        "siloed",
        "How parameters are divided among optimizers. siloed: one per task's head and one for the "
        "shared backbone, without overlap. single: one for all parameters, with one learning rate. "
        "per_task: one per task, for its head and, with its own moments, the backbone, which takes "
        "a step per task. overlapping: those of per_task, and one more for the backbone.",
        group=GROUP,
        card="always",
    )
    learning_rate: float = option(
        TrainingArguments.learning_rate,
        "Learning rate of the shared backbone, and of the tasks' heads unless set for a task.",
        group=GROUP,
        card="always",
        phase="any",
        lowest=0,
    )
    weight_decay: float = option(
        TrainingArguments.weight_decay,
        "Weight decay of the shared backbone, and of the tasks' heads unless set for a task.",
        group=GROUP,
        card="always",
        phase="any",
        lowest=0,
    )
    lr_scheduler_type: str = option(
        "linear",
        "Schedule of the learning rates, also of the tasks' heads unless set for a task: "
        f"{', '.join(SCHEDULES)}.",
        group=GROUP,
        card="always",
        phase="any",
    )
    lr_scheduler_kwargs: dict | str | None = option(
        None,
        "Options of the schedule. For cyclic: step_size_up and step_size_down in optimizer steps, "
        "or below 1 as shares of all; base_share, the lowest share of the rate; mode: triangular, "
        "triangular2 or exp_range, which needs gamma.",
        group=GROUP,
        card="changed",
        phase="any",
    )
    warmup_steps: float = option(
        TrainingArguments.warmup_steps,
        "Optimizer steps in which the rates rise from 0; below 1, a share of all steps.",
        group=GROUP,
        card="always",
        phase="any",
        lowest=0,
    )
    optim: str = option(
        TrainingArguments.optim,
        f"The optimizer; adam adds weight decay to the gradient: {', '.join(OPTIMIZERS)}.",
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
        "Evaluate and save an exponential moving average of the weights with this decay per step, "
        "such as 0.99.",
        group=GROUP,
        card="changed",
    )
    loss_weights_learning_rate: float | None = option(
        None,
        "Learning rate of learned loss weights; 0.001 if unset.",
        group=GROUP,
        lowest=0,
        needs=("loss_weights", ("uncertainty",)),
    )
    max_grad_norm: float = option(
        TrainingArguments.max_grad_norm,
        "Maximum norm of the gradient, which is scaled down to it; 0: no clipping. Layouts siloed "
        "and single: the gradient of all parameters. per_task and overlapping: for each optimizer, "
        "the gradient of its parameters, such as the task's gradient on head and backbone.",
        group=GROUP,
        card="always",
        phase="any",
        lowest=0,
    )
    task_args: dict | str | None = option(
        None,
        "Task -> learning_rate, weight_decay, batch_size, auxiliary, ... In a config file and on "
        "the command line, set these in the task's entry.",
        group=GROUP,
        phase="run",
        instead="set the fields in the task's entry under tasks",
    )

    @property
    def task_entries(self) -> dict[str, dict[str, Any]]:
        """Return `task_args` after parsing: task -> fields."""
        assert isinstance(self.task_args, dict)
        return self.task_args

    @property
    def unscored_tasks(self) -> list[str]:
        """Return the auxiliary tasks, which are not part of the overall score."""
        return [name for name, entry in self.task_entries.items() if entry.get("auxiliary")]

    def task_training(self, task: str) -> TaskTraining:
        """Return the training options of a task, with the run's values for unset fields.

        Raises:
            InputError: naming the task and the invalid value.
        """
        entry = self.task_entries.get(task, {})
        names = [f.name for f in fields(TaskTraining)]
        for key in entry:
            if key not in names:
                raise InputError(
                    f"task_args: task '{task}': unknown field '{key}'.{did_you_mean(key, names)}"
                )
        training = TaskTraining(**entry)
        check_types(training, f"task '{task}': ")
        shared = {name: getattr(self, name, None) for name in names}
        shared["batch_size"] = getattr(self, "per_device_train_batch_size", None)
        if training.lr_scheduler_type is not None:
            shared["lr_scheduler_kwargs"] = None  # of another schedule
        task_values = {name: value for name, value in vars(training).items() if value is not None}
        training = TaskTraining(**{**shared, **task_values})
        limit = training.max_validation_rows
        if limit is not None and (type(limit) is not int or limit < 1):
            raise InputError(
                f"task '{task}': max_validation_rows = {limit!r}: must be a whole number, 1 or more"
            )
        weights = {name: 0 for name in names if name.endswith("_weight")}  # of regularizers
        for key, lowest in {**LOWEST_OF_TASK, **weights}.items():
            check_lowest(f"task '{task}': {key}", getattr(training, key), lowest)
        return training


def read_task_args(task_args: Any) -> dict[str, dict[str, Any]]:
    """Return `task_args` as task -> fields, from JSON, mappings or `TaskTraining`s.

    Raises:
        InputError: naming the task with an entry of another type.
    """
    task_args = read_mapping("task_args", task_args, "task -> fields")
    entries = {t: vars(e) if isinstance(e, TaskTraining) else e for t, e in task_args.items()}
    for name, entry in entries.items():
        if not isinstance(entry, dict):
            raise InputError(f"task_args: task '{name}': expected fields, got {entry!r}")
    return entries


def check_shares(options: OptimizationOptions) -> None:
    """Check the ranges of `layer_decay` and `ema_decay`.

    Raises:
        InputError: naming the option.
    """
    if options.layer_decay is not None and not 0 < options.layer_decay <= 1:
        raise InputError(f"layer_decay = {options.layer_decay!r}: must be above 0, at most 1")
    if options.ema_decay is not None and not 0 <= options.ema_decay < 1:
        raise InputError(f"ema_decay = {options.ema_decay!r}: must be from 0 to below 1")
