"""All that can be set: the trainer's arguments, a task's, and a run's."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from transformers import TrainingArguments

from trainer.config.extension_options import (
    check_extension_options,
    options_of,
    read_extension_options,
)
from trainer.config.freezing_options import TrainedPartsOptions, check_trained_parts
from trainer.config.inherited_arguments import (
    check_layout,
    check_numbers,
    check_report_to,
    check_rule,
    check_shares,
    refuse_unused,
)
from trainer.data.sampling import SAMPLERS, STOP_RULES, PlanOptions, check_plan
from trainer.errors import InputError, nearest
from trainer.objective.aggregators import AGGREGATORS, Rule, RuleOptions, make_rule
from trainer.objective.loss_weights import LOSS_WEIGHTS
from trainer.objective.regularizers import (
    REGULARIZERS,
    Regularizer,
    RegularizerOptions,
    make_regularizers,
)
from trainer.optimization import (
    LAYOUTS,
    OPTIMIZERS,
    SCHEDULES,
    check_optimizer,
    check_schedules,
    known_to_transformers,
)
from trainer.options import check_choice, check_lowest, check_types
from trainer.registry import Registry

UPDATES = ("cycle", "turn")
METRIC_SOURCES = ("shipped", "hub")
NONFINITE = ("stop", "skip", "ignore")
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
            before the first with `eval_on_start`, are always of all. With `make_labels`: most
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
class HybridMTLTrainingArguments(
    PlanOptions, RegularizerOptions, TrainedPartsOptions, TrainingArguments
):
    """`TrainingArguments`, the options of its other bases and what several tasks need besides.

    `learning_rate`, `weight_decay` and `per_device_train_batch_size` are the shared backbone's, and
    the tasks' unless `task_args` says otherwise. Changed defaults: `logging_nan_inf_filter` is off,
    since it hides broken losses and waits for the device in every step; `metric_for_best_model` is
    `eval_overall`.

    Raises:
        InputError: naming the argument that is wrong or has no meaning here.
    """

    update: str = field(
        default="cycle",
        metadata={
            "help": "cycle: one optimizer step per cycle, over one batch of every task. turn: one "
            "optimizer step per batch, tasks in turn."
        },
    )
    layout: str = field(
        default="siloed",
        metadata={
            "help": "How parameters are divided among optimizers. siloed: one per task's head and "
            "one for the shared backbone, no overlap. single: one for all, with one learning rate. "
            "per_task: one per task, which owns its head and, with moments of its own, the "
            "backbone, which so takes a step per task. overlapping: as per_task, and one more for "
            "the backbone."
        },
    )
    rule: str = field(
        default="sum",
        metadata={"help": "How the tasks' gradients on the shared parameters become one."},
    )
    main_tasks: list[str] | None = field(
        default=None,
        metadata={"help": "Rule mtrec: the main tasks; all that are not auxiliary if left out."},
    )
    auxiliary_tasks: list[str] | None = field(
        default=None,
        metadata={
            "help": "Rule mtrec: the tasks that give way to the main ones; those that are "
            "auxiliary if left out."
        },
    )
    auxiliary_scale: float = field(
        default=0.3,
        metadata={"help": "Rule mtrec: lambda, the factor of the auxiliary tasks' gradients."},
    )
    gradient_cosines: bool = field(
        default=False,
        metadata={
            "help": "Log the cosine between each two tasks' gradients with rule sum, too; the "
            "other rules always do."
        },
    )
    loss_weights: str = field(
        default="fixed",
        metadata={
            "help": "fixed: each task's loss_weight. uncertainty: besides, weights that are "
            "learned by each task's noise."
        },
    )
    loss_weights_learning_rate: float | None = field(
        default=None,
        metadata={"help": "Learning rate of learned loss weights; 0.001 if left out."},
    )
    lr_scheduler_type: str = field(
        default="linear",
        metadata={
            "help": "Schedule of the learning rates, the tasks' too unless their entries say "
            f"otherwise: {', '.join(SCHEDULES)}."
        },
    )
    lr_scheduler_kwargs: dict | str | None = field(
        default=None,
        metadata={
            "help": "Options of the schedule. Of cyclic: step_size_up and step_size_down in "
            "optimizer steps, or below 1 as shares of all; base_share, the lowest share of the "
            "rate; mode: triangular, triangular2 or exp_range, which needs gamma."
        },
    )
    optim: str = field(
        default=TrainingArguments.optim,
        metadata={
            "help": "The kind of optimizer; the weight decay of adam is a part of the gradient: "
            f"{', '.join(OPTIMIZERS)}."
        },
    )
    layer_decay: float | None = field(
        default=None,
        metadata={
            "help": "Factor of the backbone's learning rate from each layer to the one below, "
            "such as 0.9; the embeddings have the lowest rate."
        },
    )
    ema_decay: float | None = field(
        default=None,
        metadata={
            "help": "Evaluate and save an exponential moving average of the weights that keeps "
            "this much of itself in each step, such as 0.99."
        },
    )
    length_window: int = field(
        default=50,
        metadata={
            "help": "Batches are cut from windows of this many batches sorted by length, so that "
            "little of a batch is padding; their order stays random, and so are the rows of a "
            "pass's short last batch. 0: no sorting."
        },
    )
    task_args: dict | str | None = field(
        default=None,
        metadata={
            "help": "Task -> learning_rate, weight_decay, batch_size, auxiliary, ... In a config "
            "file and on the command line, give these in the task's own entry."
        },
    )
    extension_options: dict | str | None = field(
        default=None,
        metadata={
            "help": "Options that extensions have registered -> value. In a config file and on "
            "the command line, give each by its own name."
        },
    )
    metric_source: str = field(
        default="shipped",
        metadata={
            "help": "shipped: this package's metric scripts. hub: the Hub's, where they can be "
            "reached and give the same results; else the shipped ones, with a warning."
        },
    )
    nonfinite: str = field(
        default="stop",
        metadata={
            "help": "What follows a loss or gradient that is NaN or infinite, once its task, step "
            "and rows are named. stop: the end. skip: the step is left out. ignore: nothing, and "
            "nobody looks."
        },
    )
    logging_nan_inf_filter: bool = field(
        default=False,
        metadata={"help": "Hide NaN and infinite losses from the log; waits for the device."},
    )
    max_grad_norm: float = field(
        default=1.0,
        metadata={
            "help": "Gradients that are longer are scaled down to this norm; 0: none is. Layouts "
            "siloed and single: the gradient of all of the model's parameters together. per_task "
            "and overlapping: for each optimizer that of all it owns, a task's head and the "
            "backbone as the task sees it."
        },
    )
    metric_for_best_model: str | None = field(
        default="eval_overall",
        metadata={"help": "The metric that load_best_model_at_end and early stopping compare."},
    )

    def __post_init__(self):
        # First: what is put in their place by what follows would look as if it had been given.
        refuse_unused(self)
        check_types(self)
        check_numbers(self)
        check_choice("optim", self.optim, OPTIMIZERS)
        check_choice("lr_scheduler_type", self.lr_scheduler_type, SCHEDULES)
        with known_to_transformers(self):
            super().__post_init__()
        self.task_args = _read_task_args(self.task_args)
        self.extension_options = read_extension_options(self.extension_options)
        self.check_choices()

    def check_choices(self) -> None:
        """Check all that may be set after the arguments were made, as a search does.

        Raises:
            InputError: naming the argument that is wrong or has no meaning beside another.
        """
        check_numbers(self)
        check_choice("update", self.update, UPDATES)
        check_choice("layout", self.layout, LAYOUTS)
        check_choice("stop", self.stop, STOP_RULES)
        check_choice("plan", self.plan, SAMPLERS)
        check_plan(self, self.update)
        check_choice("rule", self.rule, AGGREGATORS)
        check_extension_options(self, self.extension_options)
        check_trained_parts(self)
        check_choice("loss_weights", self.loss_weights, LOSS_WEIGHTS)
        check_choice("nonfinite", self.nonfinite, NONFINITE)
        check_choice("metric_source", self.metric_source, METRIC_SOURCES)
        check_shares(self)
        check_report_to(self)
        check_optimizer(self)
        self.check_tasks()

    def check_tasks(self) -> None:
        """Check what `task_args` says about each task.

        Raises:
            InputError: naming the task and the field that is wrong or that the layout leaves
                without a meaning.
        """
        for name in self.task_args or {}:
            self.task_training(name)
        check_layout(self)
        check_rule(self)
        check_schedules(self)

    def task_training(self, task: str) -> TaskTraining:
        """A task's learning rate, weight decay and batch size, with the defaults filled in.

        Raises:
            InputError: naming the task and the value that is wrong.
        """
        assert isinstance(self.task_args, dict)  # since __post_init__
        entry: dict[str, Any] = self.task_args.get(task, {})
        known = [f.name for f in fields(TaskTraining)]
        for key in entry:
            if key not in known:
                raise InputError(
                    f"task_args: task '{task}': unknown field '{key}'.{nearest(key, known)}"
                )
        given = TaskTraining(**entry)
        check_types(given, f"task '{task}': ")
        shared = {name: getattr(self, name, None) for name in known}
        shared["batch_size"] = self.per_device_train_batch_size
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

    @property
    def seed_of_data(self) -> int:
        """The seed of all that is drawn among rows."""
        return self.seed if self.data_seed is None else self.data_seed

    @property
    def unscored_tasks(self) -> list[str]:
        """The tasks that `task_args` calls auxiliary: they have no part in the overall score."""
        entries: Any = self.task_args
        return [name for name, entry in entries.items() if entry.get("auxiliary")]

    @property
    def measures_conflicts(self) -> bool:
        """Whether a step looks at the angles between the tasks' gradients."""
        return self.rule != "sum" or self.gradient_cosines

    def make_rule(self, tasks: Sequence[str]) -> Rule:
        """The update rule.

        Raises:
            InputError: if it cannot work with these tasks, or needs a package that is missing.
        """
        auxiliary = self.auxiliary_tasks or [t for t in tasks if t in self.unscored_tasks]
        options = RuleOptions(self.seed, self.main_tasks, auxiliary, self.auxiliary_scale)
        return make_rule(self.rule, tasks, options, self.config_of(AGGREGATORS, self.rule))

    def config_of(self, registry: Registry, name: str) -> Any:
        """The options of something registered: itself if it has them, an extension's, or None.

        Raises:
            InputError: naming the extension's option that is wrong.
        """
        options = registry.entry(name).options
        if options is None or isinstance(self, options):
            return None if options is None else self
        return options_of(options, self.extension_options)

    def make_regularizers(self, tasks: Sequence[str]) -> list[Regularizer]:
        """The regularizers that any task has a weight for.

        Raises:
            InputError: naming the option that is wrong.
        """
        given = {f.name: getattr(self, f.name) for f in fields(RegularizerOptions)}
        for name in ("smart_weight", "bregman_weight", "rdrop_weight"):
            given[name] = {task: getattr(self.task_training(task), name) for task in tasks}
        others = [self.config_of(REGULARIZERS, name) for name in REGULARIZERS]
        return make_regularizers(RegularizerOptions(**given), tasks, others)


def _read_task_args(given: Any) -> dict[str, dict[str, Any]]:
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
