"""All that can be set: the trainer's arguments, a task's, and a run's."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from transformers import TrainingArguments
from transformers.integrations import get_available_reporting_integrations
from transformers.trainer_pt_utils import AcceleratorConfig

from trainer.data.plans import PLANS, STOP_RULES, PlanOptions, check_plan
from trainer.errors import InputError, nearest
from trainer.objective.regularizers import Regularizer, RegularizerOptions, make_regularizers
from trainer.objective.rules import RULES, Rule, RuleOptions, make_rule
from trainer.optimization import LAYOUTS, NEED_TASK_GRADIENTS, check_optimizer

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
LOWEST_OF_TASK = {
    "learning_rate": 0,
    "weight_decay": 0,
    "batch_size": 1,
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
    """

    learning_rate: float | None = None
    weight_decay: float | None = None
    batch_size: int | None = None
    smart_weight: float | None = None
    bregman_weight: float | None = None
    rdrop_weight: float | None = None


@dataclass
class HybridMTLTrainingArguments(PlanOptions, RegularizerOptions, TrainingArguments):
    """`TrainingArguments`, `PlanOptions`, `RegularizerOptions` and what several tasks need besides.

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
            "backbone. overlapping: as per_task, and one more for the backbone."
        },
    )
    rule: str = field(
        default="sum",
        metadata={
            "help": "How the tasks' gradients on the shared parameters become one: "
            f"{', '.join(RULES)}."
        },
    )
    main_tasks: list[str] | None = field(
        default=None,
        metadata={"help": "Rule mtrec: the main tasks; all that are not auxiliary if left out."},
    )
    auxiliary_tasks: list[str] | None = field(
        default=None,
        metadata={"help": "Rule mtrec: the tasks that give way to the main ones."},
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
        check_plan(self, self.update)
        _check_choice("rule", self.rule, RULES)
        _check_choice("metric_source", self.metric_source, METRIC_SOURCES)
        self._check_shares()
        self._check_report_to()
        check_optimizer(self)
        self.task_args = _read_task_args(self.task_args)
        self.check_tasks()

    def check_tasks(self) -> None:
        """Check what `task_args` says about each task.

        Raises:
            InputError: naming the task and the field that is wrong or that the layout leaves
                without a meaning.
        """
        for name in self.task_args or {}:
            self.task_training(name)
        self._check_layout()
        self._check_rule()

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
        shared = {name: getattr(self, name, None) for name in known}
        shared["batch_size"] = self.per_device_train_batch_size
        own = {name: value for name, value in vars(given).items() if value is not None}
        filled = TaskTraining(**{**shared, **own})
        for key, lowest in LOWEST_OF_TASK.items():
            _check_lowest(f"task '{task}': {key}", getattr(filled, key), lowest)
        return filled

    @property
    def keeps_gradients_apart(self) -> bool:
        """Whether a step needs each task's gradient on the shared parameters by itself."""
        conflicts = self.rule != "sum" or self.gradient_cosines
        return conflicts or self.layout in NEED_TASK_GRADIENTS

    def make_rule(self, tasks: Sequence[str]) -> Rule:
        """The update rule.

        Raises:
            InputError: if it cannot work with these tasks, or needs a package that is missing.
        """
        options = RuleOptions(
            self.seed, self.main_tasks, self.auxiliary_tasks, self.auxiliary_scale
        )
        return make_rule(self.rule, tasks, options)

    def make_regularizers(self, tasks: Sequence[str]) -> list[Regularizer]:
        """The regularizers that any task has a weight for.

        Raises:
            InputError: naming the option that is wrong.
        """
        given = {f.name: getattr(self, f.name) for f in fields(RegularizerOptions)}
        for name in ("smart_weight", "bregman_weight", "rdrop_weight"):
            given[name] = {task: getattr(self.task_training(task), name) for task in tasks}
        return make_regularizers(RegularizerOptions(**given), tasks)

    def _check_numbers(self) -> None:
        for name, lowest in LOWEST.items():
            if getattr(self, name) is not None:
                _check_lowest(name, getattr(self, name), lowest)
        for name in ABOVE_ZERO:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} = {value!r}: must be above 0; below 1 it is a share")

    def _check_shares(self) -> None:
        if self.layer_decay is not None and not 0 < self.layer_decay <= 1:
            raise InputError(f"layer_decay = {self.layer_decay!r}: must be above 0, at most 1")
        if self.ema_decay is not None and not 0 <= self.ema_decay < 1:
            raise InputError(f"ema_decay = {self.ema_decay!r}: must be from 0 to below 1")

    def _check_layout(self) -> None:
        entries: Any = self.task_args
        for name, entry in entries.items() if self.layout == "single" else ():
            for key in ("learning_rate", "weight_decay"):
                if entry.get(key) is not None:
                    raise InputError(
                        f"task '{name}': {key}: layout 'single' has one {key} for everything; "
                        f"leave it out, or use layout: siloed"
                    )
        if self.layout == "per_task" and self.rule != "sum":
            raise InputError(
                f"rule = '{self.rule}': with layout 'per_task' each optimizer steps with its own "
                f"task's gradient, and there is nothing to join; use siloed, single or overlapping"
            )
        if self.layout in NEED_TASK_GRADIENTS and self.fp16:
            raise InputError(
                f"fp16: layout '{self.layout}' steps with gradients that its scaler does not see; "
                f"use bf16"
            )

    def _check_rule(self) -> None:
        alone = self.update == "turn" and self.gradient_accumulation_steps == 1
        if alone and self.rule != "sum":
            raise InputError(
                f"rule = '{self.rule}': with update 'turn' a step has one task's gradient only, "
                f"and there is nothing to join; use update: cycle"
            )
        if alone and self.gradient_cosines:
            raise InputError(
                "gradient_cosines: with update 'turn' a step has one task's gradient only; use "
                "update: cycle"
            )
        if self.rule != "mtrec" and (self.main_tasks or self.auxiliary_tasks):
            raise InputError(
                f"main_tasks, auxiliary_tasks: rule '{self.rule}' does not read them; use rule: "
                f"mtrec"
            )

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
