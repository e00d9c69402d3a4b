"""The trainer's arguments: those of transformers and of every package here."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

from modeling_hybrid_mtl import TaskConfig
from trainer.config.combinations import check_combinations
from trainer.config.composed_options import ComposedOptions
from trainer.config.extension_options import (
    ExtensionOptions,
    check_extension_options,
)
from trainer.config.freezing_options import check_trained_parts
from trainer.config.inherited_arguments import (
    check_choices,
    check_numbers,
    check_report_to,
    refuse_unsupported,
)
from trainer.data.sampling import SamplingOptions, check_sampling
from trainer.errors import InputError, did_you_mean
from trainer.evaluation import ScorePart, metrics_of
from trainer.objective.aggregators import (
    AGGREGATORS,
    Aggregator,
    AggregatorOptions,
    make_aggregator,
)
from trainer.objective.loss_weights import LOSS_WEIGHTS, LossWeights
from trainer.objective.options import ObjectiveOptions, check_objective
from trainer.objective.regularizers import (
    REGULARIZERS,
    Regularizer,
    make_regularizers,
)
from trainer.optimization import (
    LAYOUTS,
    OPTIMIZERS,
    SCHEDULES,
    OptimizationOptions,
    check_optimizer,
    check_schedules,
    known_to_transformers,
)
from trainer.optimization.options import check_shares, read_task_args
from trainer.options import (
    check_choice,
    check_lowest,
    check_options,
    check_types,
    option,
    read_mapping,
)

NAN_POLICIES = ("stop", "skip", "ignore")


@dataclass
class HybridMTLTrainingArguments(ComposedOptions):
    """`TrainingArguments` with all options for multitask training.

    `learning_rate`, `weight_decay` and `per_device_train_batch_size` are the shared backbone's, and
    the tasks' unless `task_args` says otherwise. Changed defaults: `logging_nan_inf_filter` is off,
    since it hides NaN losses and synchronizes with the device in every step;
    `metric_for_best_model` is `eval_overall`.

    Raises:
        InputError: naming the argument that is wrong or has no meaning here.
    """

    nan_policy: str = option(
        "stop",
        "Reaction to a NaN or infinite loss or gradient, whose task, step and rows are "
        "reported. stop: end training. skip: omit the step. ignore: do not check.",
        group="objective",
        resume="free",
    )
    logging_nan_inf_filter: bool = option(
        False,
        "Hide NaN and infinite losses from the log; waits for the device.",
        group="checkpoints and logs",
        resume="free",
        phase="any",
    )
    log_level: str = option(
        "passive",
        "Output on the console; the file run.log has all of it. error, critical: errors alone. "
        "passive, warning: summaries, progress and a table for each evaluation. info, debug: every "
        "logged value as JSON, and transformers' messages, too.",
        group="checkpoints and logs",
        phase="run",
        resume="free",
    )
    disable_tqdm: bool | None = option(
        None,
        "Print a line now and then instead of progress bars, as always outside a terminal.",
        group="checkpoints and logs",
        phase="run",
        resume="free",
    )
    metric_for_best_model: str | None = option(
        "eval_overall",
        "The metric that load_best_model_at_end and early stopping compare.",
        group="evaluation",
    )
    early_stopping_patience: int | None = option(
        None,
        "Stop after this many evaluations in a row without a better metric_for_best_model; needs "
        "load_best_model_at_end.",
        group="evaluation",
        card="changed",
    )
    early_stopping_threshold: float = option(
        0.0,
        "A metric is better if it is so by more than this.",
        group="evaluation",
        card="changed",
    )

    def __post_init__(self):
        # First, because the checks below replace values, which would then look as if they were
        # given.
        refuse_unsupported(self)
        check_types(self)
        check_numbers(self)
        check_choices(self)
        check_options(self, OptimizationOptions)
        check_choice("optim", self.optim, OPTIMIZERS)
        check_choice("lr_scheduler_type", self.lr_scheduler_type, SCHEDULES)
        with known_to_transformers(self):
            super().__post_init__()
        self.task_args = read_task_args(self.task_args)
        self.extension_options = read_mapping(
            "extension_options", self.extension_options, "option -> value"
        )
        self.check_values()

    def check_values(self) -> None:
        """Check all options again, such as those that a search sets after construction.

        Raises:
            InputError: naming the argument that is wrong or has no meaning beside another.
        """
        check_numbers(self)
        self._check_early_stopping()
        check_report_to(self)
        check_choice("optimizer_layout", self.optimizer_layout, LAYOUTS)
        check_choice("nan_policy", self.nan_policy, NAN_POLICIES)
        check_sampling(self)
        check_objective(self)
        check_extension_options(self)
        check_options(self, OptimizationOptions)
        check_shares(self)
        check_trained_parts(self)
        check_optimizer(self)
        self.check_tasks()

    def _check_early_stopping(self) -> None:
        patience, threshold = self.early_stopping_patience, self.early_stopping_threshold
        if patience is None and threshold != 0:
            raise InputError(
                f"early_stopping_threshold = {threshold}: has no effect without "
                "early_stopping_patience; set it"
            )
        if patience is not None:
            check_lowest("early_stopping_patience", patience, 1)
            check_lowest("early_stopping_threshold", threshold, 0)
        if patience is not None and not self.load_best_model_at_end:
            raise InputError(
                f"early_stopping_patience = {patience}: set load_best_model_at_end: true, with "
                "the same eval_strategy and save_strategy, to end with the best model"
            )

    def check_tasks(self) -> None:
        """Check each task's own options in `task_args`.

        Raises:
            InputError: naming the task and the field that is wrong, or has no effect with the
                layout.
        """
        for name in self.task_entries:
            self.task_training(name)
        check_combinations(self)
        check_schedules(self)

    @property
    def seed_of_data(self) -> int:
        """Return the seed of all draws among rows: `data_seed`, or `seed` if that is unset."""
        return self.seed if self.data_seed is None else self.data_seed

    def score_parts(self, tasks: Mapping[str, TaskConfig]) -> dict[str, ScorePart]:
        """Return each task's part in the overall score.

        Raises:
            InputError: naming a task and its `main_metric`, if its kind has no such metric.
        """
        parts = {}
        for name, task in tasks.items():
            training, metrics = self.task_training(name), metrics_of(task.kind, task.labels)
            metric = training.main_metric or metrics[0]
            if metric not in metrics:
                raise InputError(
                    f"task '{name}': main_metric = {metric!r}: a task of kind '{task.kind}' has "
                    f"{', '.join(metrics)}.{did_you_mean(metric, metrics)}"
                )
            parts[name] = ScorePart(metric, training.score_weight, training.auxiliary)
        return parts

    def make_aggregator(self, tasks: Sequence[str]) -> Aggregator:
        """Return the aggregator of the tasks' gradients.

        Raises:
            InputError: if it cannot work with these tasks, or needs a package that is missing.
        """
        auxiliary = self.auxiliary_tasks or [task for task in tasks if task in self.unscored_tasks]
        options = AggregatorOptions(self.seed, self.main_tasks, auxiliary, self.auxiliary_scale)
        config = self.config_of(AGGREGATORS, self.aggregator)
        return make_aggregator(self.aggregator, tasks, options, config)

    def make_loss_weights(self, tasks: Mapping[str, TaskConfig]) -> LossWeights | None:
        """Return the weights of the tasks' losses; None if they are fixed.

        Raises:
            InputError: naming the option that is wrong.
        """
        config = self.config_of(LOSS_WEIGHTS, self.loss_weights)
        return LOSS_WEIGHTS.make(self.loss_weights, tasks, config=config)

    def make_regularizers(self, tasks: Sequence[str]) -> list[Regularizer]:
        """Return the regularizers that any task has a weight for.

        Raises:
            InputError: naming the option that is wrong.
        """
        configs = {name: self.config_of(REGULARIZERS, name) for name in REGULARIZERS}
        return make_regularizers(configs, {task: vars(self.task_training(task)) for task in tasks})

    def for_evaluation(self, tasks: Collection[str]) -> HybridMTLTrainingArguments:
        """Return a copy for a trainer that only evaluates a model with some of the tasks.

        Options of training are at their defaults, since they may name tasks that the model lacks.
        """
        args = copy.copy(self)
        for kind in (SamplingOptions, ObjectiveOptions, ExtensionOptions):
            for f in fields(kind):
                setattr(args, f.name, f.default)
        args.loss_weights_learning_rate = None
        args.push_to_hub = False  # there is nothing new to publish
        args.task_args = {name: e for name, e in self.task_entries.items() if name in tasks}
        return args
