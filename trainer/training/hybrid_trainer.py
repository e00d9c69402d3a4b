"""`HybridMTLTrainer`: data, objective, optimization and evaluation combined with `Trainer`."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from transformers import (
    EarlyStoppingCallback,
    PreTrainedTokenizerBase,
    TrainerCallback,
    TrainerControl,
)

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.onednn_hybrid_mtl import onednn_matmul
from trainer.config.task_checks import (
    check_best_metric,
    check_given_optimizer,
    check_scored,
    check_task_names,
)
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data import Collator, MultitaskDataset, StreamedRows
from trainer.data.row_checks import check_is_mapping
from trainer.data.streaming import first_rows
from trainer.errors import InputError
from trainer.evaluation.subset import limit_validation_rows
from trainer.loading.trained_model import check_fitting
from trainer.objective import SharedGradients, StepGradients
from trainer.objective.loss_weights import LossBalancer
from trainer.objective.means import RunningMeans
from trainer.optimization import (
    NEED_TASK_GRADIENTS,
    SHARED,
    build_optimizer,
    learning_rates,
    params_by_task,
)
from trainer.optimization.rates import given_rates, set_rates
from trainer.saving.trainer_state import load_state, save_state
from trainer.training.base_trainer import BaseTrainer
from trainer.training.evaluation_loop import TaskEvaluation
from trainer.training.hyperparameter_search import HyperparameterSearch
from trainer.training.loss_balancing import LossBalancing
from trainer.training.nan_guard import NanGuard
from trainer.training.precision import train_in_float32
from trainer.training.run_parts import RunParts
from trainer.training.step_statistics import StepStatistics
from trainer.training.task_batches import TaskBatches
from trainer.training.task_steps import TaskSteps


class HybridMTLTrainer(TaskBatches, TaskSteps, TaskEvaluation, HyperparameterSearch, BaseTrainer):
    """Trains a `HybridMTLModel` on several tasks.

    Each call of `train` starts a new run with the current arguments; only the model's weights are
    kept from earlier runs. Half-precision weights are converted to float32.

    Args:
        model: the model.
        args: the arguments.
        train_dataset: task -> tokenized rows (`trainer.data.tokenize`), or a stream of rows
            (`trainer.data.stream_rows`).
        eval_dataset: task -> tokenized rows; may omit tasks.
        processing_class: the tokenizer, saved with every checkpoint.
        model_init: creates the model, instead of `model`, as for `Trainer`.
        callbacks: as for `Trainer`.
        optimizers: an optimizer and a schedule to use instead of the layout's.

    Raises:
        InputError: if the tasks of model, data and arguments differ, an argument is not supported
            with several tasks, or rows or labels are invalid.
    """

    # Whether the device skips non-finite steps; see `NanGuard`.
    decide_on_device: bool | None = None

    args: HybridMTLTrainingArguments
    control: TrainerControl
    data_collator: Any
    eval_dataset: Any
    optimizer: Any
    lr_scheduler: Any

    def __init__(
        self,
        model: HybridMTLModel | None = None,
        args: HybridMTLTrainingArguments | None = None,
        *,
        train_dataset: Mapping[str, Dataset | StreamedRows] | None = None,
        eval_dataset: Mapping[str, Dataset] | None = None,
        processing_class: PreTrainedTokenizerBase,
        model_init: Callable[..., HybridMTLModel] | None = None,
        callbacks: list[TrainerCallback] | None = None,
        optimizers: tuple[torch.optim.Optimizer | None, Any] = (None, None),
    ):
        args = args or HybridMTLTrainingArguments()
        datasets: dict[str, Any] = {"train_dataset": train_dataset, "eval_dataset": eval_dataset}
        datasets = {argument: rows for argument, rows in datasets.items() if rows is not None}
        for argument, rows in datasets.items():
            check_is_mapping(argument, rows)
        super().__init__(
            model=model,
            args=args,
            data_collator=lambda rows: rows,
            train_dataset=None if train_dataset is None else MultitaskDataset(train_dataset),
            eval_dataset=None if eval_dataset is None else dict(eval_dataset),
            processing_class=processing_class,
            model_init=model_init,
            callbacks=callbacks,
            optimizers=optimizers,
        )
        self._check_parallelism()
        check_given_optimizer(args, *optimizers)
        self._given_optimizer = optimizers[0]
        self._parts: RunParts | None = None
        self._callbacks: list[TrainerCallback] = []
        self.measured = self.eval_dataset
        self._init_run()
        for argument, rows in datasets.items():
            # Streamed rows are checked when they are read.
            is_train = argument == "train_dataset"
            self._check_labeled(argument, first_rows(rows) if is_train else rows)
        if eval_dataset is not None:
            self.eval_dataset = self.measured = self._only_labeled(eval_dataset)

    def _check_parallelism(self) -> None:
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            raise InputError(
                "FSDP and DeepSpeed are not supported, since they shard the parameters; use "
                "several processes without them"
            )
        if self.args.torch_compile and self.args.world_size > 1:
            raise InputError("torch_compile: only supported with one process; remove it")

    def _init_run(self) -> None:
        """Set up the state of a run from the current model and arguments."""
        args, train, evaluation = self.args, self.train_dataset, self.eval_dataset
        args.check_values()
        config = self.model.config
        self.tasks = {name: config.task(name) for name in config.tasks}
        check_task_names(self.tasks, train.tasks if train is not None else None, evaluation, args)
        check_fitting("processing_class", self.processing_class, config, self.tasks.values())
        names = self.tasks if evaluation is None else evaluation
        evaluated = {name: self.tasks[name] for name in names}
        check_scored(evaluated, args)
        if evaluation is not None:
            check_best_metric(args.metric_for_best_model, evaluated, args.greater_is_better)
        order = args.task_order or list(train.tasks if train is not None else self.tasks)
        self.task_names = [name for name in order if name in self.tasks]
        self.progress.parts = args.score_parts(self.tasks)
        self.data_collator = Collator(self.tasks, self.processing_class.pad_token_id)
        self._set_parts(
            RunParts.from_args(args, {name: self.tasks[name] for name in self.task_names})
        )
        self.optimizer = self._given_optimizer
        self.gradients = StepGradients([], self.accelerator, None)
        self.statistics = StepStatistics(nn.Module())
        self.nan_guard = NanGuard(
            args.nan_policy, self.processing_class, self.accelerator, self.decide_on_device
        )
        self._reset_counts()
        self._losses = RunningMeans()
        self._rates: dict[str, float] = {}
        for callback in self.callback_handler.callbacks:
            if isinstance(callback, EarlyStoppingCallback):
                callback.early_stopping_patience_counter = 0

    def _set_parts(self, parts: RunParts) -> None:
        """Replace the parts of the previous run."""
        if self._parts is not None:
            self._parts.trained_parts.release()
        for callback in self._callbacks:
            self.remove_callback(callback)
        self._parts = parts
        self._callbacks = parts.callbacks
        for callback in self._callbacks:
            self.add_callback(callback)
        self.aggregator, self.regularizers = parts.aggregator, parts.regularizers
        self.loss_weights, self.averages = parts.loss_weights, parts.averages
        self.trained_parts = parts.trained_parts
        balancer = parts.loss_weights
        self.balancing = (
            LossBalancing(balancer, self.accelerator)
            if isinstance(balancer, LossBalancer)
            else None
        )

    def _hp_search_setup(self, trial: Any) -> None:
        # The first hook of `Trainer.train` with the run's model and the arguments of a trial.
        super()._hp_search_setup(trial)
        train_in_float32(self.model)
        self._init_run()
        args, evaluation = self.args, self.eval_dataset or {}
        limits = {name: args.task_training(name).max_validation_rows for name in evaluation}
        self.measured = limit_validation_rows(evaluation, limits, args.seed_of_data)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Return the layout's optimizer, and prepare the collection of gradients."""
        self.trained_parts.prepare(self.model)
        if self.optimizer is None:
            model = self.model if model is None else model
            decayed = self.get_decay_parameter_names(model)
            self.optimizer = build_optimizer(
                model, self.args, decayed, self.loss_weights, self.task_names
            )
        shared = None
        keep = self.args.optimizer_layout in NEED_TASK_GRADIENTS
        measure = self.args.measures_conflicts or (
            self.balancing is not None and self.balancing.balancer.needs_shared_norms
        )
        if keep or measure:
            names, params = zip(*params_by_task(self.model, self.task_names)[SHARED], strict=True)
            shared = SharedGradients(params, self.aggregator, keep, measure, names, self.task_names)
        # A dense gradient of the token embeddings would be almost all zeros.
        sparse = self.args.world_size == 1 and self.args.device.type == "cpu"
        # A recycled dense table would keep the gradients of steps that the device skips.
        sparse = sparse and not self.nan_guard.on_device
        self.model.get_input_embeddings().sparse = sparse and not self.args.torch_compile
        trained = [p for p in self.model.parameters() if p.requires_grad]
        if self.loss_weights is not None:
            trained += self.loss_weights.parameters()
        self.gradients = StepGradients(trained, self.accelerator, shared)
        self.statistics = StepStatistics(self.model)
        return self.optimizer

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train as `Trainer.train`; unfreeze the parameters that the run froze, also on failure."""
        try:
            return super().train(*args, **kwargs)
        finally:
            self.is_in_train = False
            self.trained_parts.release()
            self.nan_guard.release()
            self.statistics.release()

    def _inner_training_loop(self, *args: Any, **kwargs: Any) -> Any:
        fast = self.model.unpads and not self.args.torch_compile
        try:
            with onednn_matmul if fast else nullcontext():
                return super()._inner_training_loop(*args, **kwargs)
        finally:
            self.model.get_input_embeddings().sparse = False

    def get_batch_samples(self, *args: Any) -> tuple[list, None]:
        if self.loss_weights is not None:
            # The training loop clears the gradients of the model only.
            self.loss_weights.zero_grad()
        return super().get_batch_samples(*args)

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        # Each of several optimizers clips its own gradients; the norm is logged nonetheless.
        separate = self.args.optimizer_layout in NEED_TASK_GRADIENTS
        return None if separate else super()._clip_grad_norm(model)

    def _get_learning_rate(self) -> float:
        # Called once per step, before the scheduler: the rates of this step.
        self._rates = learning_rates(self.optimizer)
        return super()._get_learning_rate()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add each task's loss, gradient norm and learning rate to the training log."""
        self.nan_guard.process(self.model)
        if "loss" in logs:
            for task, mean in self._losses.pop().items():
                logs[f"loss/{task}"] = self.accelerator.reduce(mean, "mean").item()
            logs.update(self.gradients.logs())
            if self.loss_weights is not None:
                logs.update(self.loss_weights.logs())
            if self.nan_guard.skipped:
                logs["skipped_steps"] = self.nan_guard.skipped
            logs.update({f"learning_rate/{name}": rate for name, rate in self._rates.items()})
        super().log(logs, start_time)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        self.nan_guard.process(self.model)
        super()._save_checkpoint(model, trial)

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        with self._averaged():
            super()._save(output_dir, state_dict)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if self.args.should_save:
            save_state(Path(output_dir), {k: v.state_dict() for k, v in self._stateful().items()})

    def _load_from_checkpoint(self, *args, **kwargs) -> None:
        # Adapters must exist before their weights are loaded.
        self.trained_parts.prepare(self.model)
        super()._load_from_checkpoint(*args, **kwargs)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        rates = given_rates(self.optimizer)
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None:
            # The arguments' rates, not the checkpoint's, which a copy may continue with others.
            set_rates(self.optimizer, self.lr_scheduler, rates)
            states = load_state(Path(checkpoint), self.args.device)
            if self.averages is not None:
                self.averages.follow(self.model)
            for name, part in self._stateful().items():
                part.load_state_dict(states.get(name, {}))

    def _stateful(self) -> dict[str, Any]:
        """Return the stateful parts of a step besides weights, optimizer and schedule, by name."""
        assert self._parts is not None
        memories = {f"memory_{task}": part for task, part in self.statistics.memories.items()}
        streams = {f"stream_{task}": stream for task, stream in self._streamed.items()}
        return {**self._parts.stateful(), **memories, **streams, "nan_guard": self.nan_guard}
