"""All that can be set: the trainer's arguments, a task's, and a run's."""

import json
from dataclasses import dataclass, field, fields
from typing import Any

from transformers import TrainingArguments
from transformers.integrations import get_available_reporting_integrations
from transformers.trainer_pt_utils import AcceleratorConfig

from trainer.data.plans import PLANS, STOP_RULES, check_plan
from trainer.errors import InputError, nearest
from trainer.optimization import LAYOUTS, check_optimizer

UPDATES = ("cycle", "turn")
METRIC_SOURCES = ("shipped", "hub")
# Inherited arguments that this trainer's own data path and loss leave without a meaning.
UNUSED = {
    "accelerator_config": "batches are divided among processes by the plans' own sampler",
    "auto_find_batch_size": "set per_device_train_batch_size, or batch_size per task",
    "average_tokens_across_devices": "a loss is a mean over rows, not over tokens",
    "batch_eval_metrics": "each task's metrics are computed over its whole split",
    "bf16_full_eval": "load the model with dtype bfloat16 instead",
    **dict.fromkeys(
        (
            "ddp_broadcast_buffers",
            "ddp_bucket_cap_mb",
            "ddp_find_unused_parameters",
            "ddp_static_graph",
        ),
        "gradients are averaged over processes once per step, without DistributedDataParallel",
    ),
    **dict.fromkeys(
        ("deepspeed", "fsdp", "fsdp_config", "parallelism_config"),
        "it divides the parameters in ways of its own, which the layouts do not know; use several "
        "processes without it",
    ),
    "eval_accumulation_steps": "predictions are moved off the device after every batch",
    "eval_use_gather_object": "predictions are always gathered",
    "fp16_full_eval": "load the model with dtype float16 instead",
    "include_for_metrics": "the metrics see predictions and labels only",
    "include_num_input_tokens_seen": "token counts are not tracked",
    "label_smoothing_factor": "each head has a loss of its own",
    **dict.fromkeys(("liger_kernel_config", "use_liger_kernel"), "it has no kernels for encoders"),
    "length_column_name": "lengths are counted when the texts are tokenised",
    "optim_target_modules": "the layout says which parameters an optimizer gets",
    "prediction_loss_only": "evaluation always computes every task's metrics",
    "torch_empty_cache_steps": "set PYTORCH_CUDA_ALLOC_CONF if memory is fragmented",
    "train_sampling_strategy": "use plan, stop and length_window",
    "use_cache": "encoders keep no cache of keys and values",
}
# Lowest sensible values of arguments that `TrainingArguments` takes at any value.
LOWEST = {
    "cycles_per_epoch": 1,
    "data_seed": 0,
    "gradient_accumulation_steps": 1,
    "eval_delay": 0,
    "learning_rate": 0,
    "length_window": 0,
    "max_grad_norm": 0,
    "num_train_epochs": 0,
    "per_device_eval_batch_size": 1,
    "per_device_train_batch_size": 1,
    "save_total_limit": 1,
    "seed": 0,
    "warmup_steps": 0,
    "weight_decay": 0,
}
ABOVE_ZERO = ("eval_steps", "logging_steps", "save_steps")
LOWEST_OF_TASK = {"learning_rate": 0, "weight_decay": 0, "batch_size": 1}


@dataclass
class TaskTraining:
    """How one task is trained.

    Attributes:
        learning_rate: of the head; `learning_rate` when left out.
        weight_decay: of the head; `weight_decay` when left out.
        batch_size: rows per device and batch; `per_device_train_batch_size` when left out.
    """

    learning_rate: float | None = None
    weight_decay: float | None = None
    batch_size: int | None = None


@dataclass
class HybridMTLTrainingArguments(TrainingArguments):
    """`TrainingArguments` and what training several tasks needs besides.

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
            "one for the shared backbone, no overlap."
        },
    )
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
    length_window: int = field(
        default=50,
        metadata={
            "help": "Batches are cut from windows of this many batches sorted by length, so that "
            "little of a batch is padding; their order stays random. 0: no sorting."
        },
    )
    task_args: dict | str | None = field(
        default=None,
        metadata={
            "help": "Task -> learning_rate, weight_decay, batch_size. In a config file and on the "
            "command line, give these in the task's own entry."
        },
    )
    metric_source: str = field(
        default="shipped",
        metadata={
            "help": "shipped: this package's metric scripts. hub: the Hub's, where they can be "
            "reached and give the same results; else the shipped ones, with a warning."
        },
    )
    logging_nan_inf_filter: bool = field(
        default=False,
        metadata={"help": "Hide NaN and infinite losses from the log; waits for the device."},
    )
    metric_for_best_model: str | None = field(
        default="eval_overall",
        metadata={"help": "The metric that load_best_model_at_end and early stopping compare."},
    )

    def __post_init__(self):
        # First: what is put in their place by what follows would look as if it had been given.
        self._refuse_unused()
        self._check_numbers()
        super().__post_init__()
        _check_choice("update", self.update, UPDATES)
        _check_choice("layout", self.layout, LAYOUTS)
        _check_choice("stop", self.stop, STOP_RULES)
        _check_choice("plan", self.plan, PLANS)
        check_plan(self)
        _check_choice("metric_source", self.metric_source, METRIC_SOURCES)
        self._check_report_to()
        check_optimizer(self)
        self.task_args = _read_task_args(self.task_args)
        for name in self.task_args:
            self.task_training(name)

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
        filled = TaskTraining(
            self.learning_rate if given.learning_rate is None else given.learning_rate,
            self.weight_decay if given.weight_decay is None else given.weight_decay,
            self.per_device_train_batch_size if given.batch_size is None else given.batch_size,
        )
        for key, lowest in LOWEST_OF_TASK.items():
            _check_lowest(f"task '{task}': {key}", getattr(filled, key), lowest)
        return filled

    def _check_numbers(self) -> None:
        for name, lowest in LOWEST.items():
            if getattr(self, name) is not None:
                _check_lowest(name, getattr(self, name), lowest)
        for name in ABOVE_ZERO:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} = {value!r}: must be above 0; below 1 it is a share")

    def _check_report_to(self) -> None:
        installed = get_available_reporting_integrations()
        for name in self.report_to or []:
            if name not in installed:
                raise InputError(
                    f"report_to = '{name}': is not installed (installed: "
                    f"{', '.join(installed) or 'none'}); install it, or use report_to: none"
                )

    def _refuse_unused(self) -> None:
        for f in fields(self):
            if f.name not in UNUSED:
                continue
            default = f.default_factory() if callable(f.default_factory) else f.default
            # `AcceleratorConfig()` is what `TrainingArguments` puts in the place of nothing.
            if getattr(self, f.name) not in (default, None, False, [], {}, AcceleratorConfig()):
                raise InputError(
                    f"{f.name} = {getattr(self, f.name)!r} has no effect on multitask training: "
                    f"{UNUSED[f.name]}"
                )


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


def _check_lowest(name: str, value: Any, lowest: int) -> None:
    # Put so that NaN fails, too.
    if not isinstance(value, (int, float)) or not value >= lowest:
        raise InputError(f"{name} = {value!r}: must be a number, {lowest} or more")


def _check_choice(name: str, value: str, choices: Any) -> None:
    if value not in choices:
        raise InputError(
            f"{name} = {value!r}: must be one of {', '.join(choices)}.{nearest(value, choices)}"
        )
