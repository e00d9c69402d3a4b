"""`HybridMTLTrainer`: the joint of data, objective, optimization, evaluation and `Trainer`."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn
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
from trainer.data import Collator, MultitaskDataset
from trainer.data.given_rows import check_is_mapping
from trainer.errors import InputError
from trainer.evaluation.subset import limit_validation_rows
from trainer.loading.trained_model import check_fitting
from trainer.objective import SharedGradients, StepGradients
from trainer.objective.means import RunningMeans
from trainer.optimization import (
    NEED_TASK_GRADIENTS,
    SHARED,
    build_optimizer,
    learning_rates,
    params_by_task,
    parts_of,
)
from trainer.saving.trainer_state import load_state, save_state
from trainer.training.base_trainer import BaseTrainer
from trainer.training.evaluation_loop import TaskEvaluation
from trainer.training.nan_guard import NanGuard
from trainer.training.precision import train_in_float32
from trainer.training.run_parts import RunParts
from trainer.training.task_batches import TaskBatches


class HybridMTLTrainer(TaskBatches, TaskEvaluation, BaseTrainer):
    """Trains a `HybridMTLModel` on several tasks, step by step.

    Every call of `train` begins a run of its own, with the arguments as they are then: nothing but
    the model's weights is left of the run before it. Weights in half precision are trained, and
    stay, in float32.

    Args:
        model: the model.
        args: the arguments.
        train_dataset: task -> tokenised rows (`trainer.data.tokenize`).
        eval_dataset: task -> tokenised rows; may hold fewer tasks.
        processing_class: the tokenizer, saved with every checkpoint.
        model_init: makes the model, instead of `model`, as for `Trainer`.
        callbacks: as for `Trainer`.
        optimizers: an optimizer and a schedule to use instead of the layout's.

    Raises:
        InputError: if the tasks of the model, the data and the arguments are not the same, or an
            argument asks for what several tasks cannot be trained with; and if rows are not
            `tokenize`'s, or a label is none of its task's.
    """

    # Whether the device leaves out steps that are not finite, as `NanGuard` takes it.
    decide_on_device: bool | None = None

    args: HybridMTLTrainingArguments
    control: TrainerControl
    data_collator: Any
    optimizer: Any
    lr_scheduler: Any

    def __init__(
        self,
        model: HybridMTLModel | None = None,
        args: HybridMTLTrainingArguments | None = None,
        *,
        train_dataset: Mapping[str, Dataset] | None = None,
        eval_dataset: Mapping[str, Dataset] | None = None,
        processing_class: PreTrainedTokenizerBase,
        model_init: Callable[..., HybridMTLModel] | None = None,
        callbacks: list[TrainerCallback] | None = None,
        optimizers: tuple[torch.optim.Optimizer | None, Any] = (None, None),
    ):
        args = args or HybridMTLTrainingArguments()
        given = {"train_dataset": train_dataset, "eval_dataset": eval_dataset}
        given = {place: rows for place, rows in given.items() if rows is not None}
        for place, rows in given.items():
            check_is_mapping(place, rows)
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
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            raise InputError(
                "FSDP and DeepSpeed divide the parameters of one optimizer step in ways of their "
                "own, which the layouts here do not know; use several processes without them"
            )
        if args.torch_compile and args.world_size > 1:
            raise InputError("torch_compile: works in one process only; leave it out")
        check_given_optimizer(args, *optimizers)
        self._given_optimizer = optimizers[0]
        self._parts: RunParts | None = None
        self._callbacks: list[TrainerCallback] = []
        self.measured = self.eval_dataset
        self._begin_run()
        for place, rows in given.items():
            self._check(place, rows)

    def _begin_run(self) -> None:
        """Make all that belongs to a run, for the model and the arguments as they are now."""
        args, train, evaluation = self.args, self.train_dataset, self.eval_dataset
        args.check_choices()
        config = self.model.config
        self.tasks = {name: config.task(name) for name in config.tasks}
        check_task_names(self.tasks, train.tasks if train is not None else None, evaluation, args)
        check_fitting("processing_class", self.processing_class, config, self.tasks.values())
        check_scored(self.tasks if evaluation is None else evaluation, args)
        if evaluation is not None:
            kinds = {name: self.tasks[name].kind for name in evaluation}
            check_best_metric(args.metric_for_best_model, kinds)
        order = args.task_order or list(train.tasks if train is not None else self.tasks)
        self.task_names = [name for name in order if name in self.tasks]
        self.data_collator = Collator(self.tasks, self.processing_class.pad_token_id)
        self._take_parts(RunParts.of(args, {name: self.tasks[name] for name in self.task_names}))
        self.optimizer = self._given_optimizer
        self.gradients = StepGradients([], self.accelerator, None)
        self.finite = NanGuard(
            args.nan_policy, self.processing_class, self.accelerator, self.decide_on_device
        )
        self._count_anew()
        self._losses = RunningMeans()
        self._rates: dict[str, float] = {}
        for callback in self.callback_handler.callbacks:
            if isinstance(callback, EarlyStoppingCallback):
                callback.early_stopping_patience_counter = 0

    def _take_parts(self, parts: RunParts) -> None:
        """Put a run's parts in the place of those of the run before it."""
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

    def _hp_search_setup(self, trial: Any) -> None:
        # The first that `Trainer.train` calls when the run's model is there, and what a search
        # changes in the arguments.
        super()._hp_search_setup(trial)
        train_in_float32(self.model)
        self._begin_run()
        args, evaluation = self.args, self.eval_dataset or {}
        max_rows = {name: args.task_training(name).max_validation_rows for name in evaluation}
        self.measured = limit_validation_rows(evaluation, max_rows, args.seed_of_data)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The layout's optimizer."""
        self.trained_parts.prepare(self.model)
        if self.optimizer is None:
            model = self.model if model is None else model
            decayed = self.get_decay_parameter_names(model)
            self.optimizer = build_optimizer(
                model, self.args, decayed, self.loss_weights, self.task_names
            )
        joined = None
        keep, measure = (
            self.args.optimizer_layout in NEED_TASK_GRADIENTS,
            self.args.measures_conflicts,
        )
        if keep or measure:
            shared = [p for _, p in params_by_task(self.model, self.task_names)[SHARED]]
            joined = SharedGradients(shared, self.aggregator, keep, measure)
        # Dense, a gradient of the token embeddings would be zero almost everywhere.
        rows_only = self.args.world_size == 1 and self.args.device.type == "cpu"
        # A table that is used again would keep what a step had that the device left out.
        rows_only = rows_only and not self.finite.on_device
        self.model.get_input_embeddings().sparse = rows_only and not self.args.torch_compile
        trained = [p for p in self.model.parameters() if p.requires_grad]
        if self.loss_weights is not None:
            trained += self.loss_weights.parameters()
        self.gradients = StepGradients(trained, self.accelerator, joined)
        return self.optimizer

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """As `Trainer.train`; what the run froze is free again after it, however it ends."""
        try:
            return super().train(*args, **kwargs)
        finally:
            self.is_in_train = False
            self.trained_parts.release()
            self.finite.release()

    def _inner_training_loop(self, *args: Any, **kwargs: Any) -> Any:
        fast = self.model.unpads and not self.args.torch_compile
        try:
            with onednn_matmul if fast else nullcontext():
                return super()._inner_training_loop(*args, **kwargs)
        finally:
            self.model.get_input_embeddings().sparse = False

    def get_batch_samples(self, *args: Any) -> tuple[list, None]:
        if self.loss_weights is not None:
            # Before a step's first batch; the training loop clears the model's gradients only.
            self.loss_weights.zero_grad()
        return super().get_batch_samples(*args)

    def training_step(
        self, model: nn.Module, inputs: dict[str, dict[str, Tensor]], num_items_in_batch: Any = None
    ) -> Tensor:
        """Forward and backward of one step.

        An optimizer step's gradient is the sum over tasks of the mean over that task's batches in
        the step, however the batches are divided among accumulated steps.

        Returns:
            The step's share of the step's loss, a scalar.
        """
        # A compiled model comes as an argument; any other wrapper of several processes is not used.
        model = (model if self.args.torch_compile else self.model).train()
        inputs = self._to_device(inputs)
        total = torch.zeros((), device=self.args.device)
        for tasks in self._passes(inputs):
            batches = {task: inputs[task] for task in tasks}
            with self.compute_loss_context_manager():
                losses = self._losses_of(model, batches)
            shares = {task: loss / self._batches_in_step[task] for task, loss in losses.items()}
            self.gradients.backward(shares, self._batches_in_step)
            for task, loss in losses.items():
                self.finite.note(task, inputs[task], loss.detach())
                self._losses.add(task, loss.detach())
                total += shares[task].detach()
        if self.accelerator.sync_gradients:
            self._finish_gradients()
        return total

    def _to_device(self, batches: dict[str, dict[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
        """A step's batches, copied while the device is still at work on earlier ones.

        Attention masks stay on the CPU where passes go without padding: how long the texts are
        decides the shapes of a pass, and a mask that is here is read without waiting.
        """
        stay = self.model.unpads and not self.args.torch_compile
        return {
            task: {
                name: tensor
                if stay and name.endswith("attention_mask")
                else tensor.to(self.args.device, non_blocking=True)
                for name, tensor in batch.items()
            }
            for task, batch in batches.items()
        }

    def _passes(self, inputs: dict[str, dict[str, Tensor]]) -> list[list[str]]:
        """The tasks of a step by pass: together where nobody asks whose a gradient is.

        Each pass is followed by its own backward pass, so what one keeps in memory is not kept for
        all, and activations that are computed again find the adapters of their own pass.
        """
        # Once per logging period, which costs next to nothing, each task's gradient is measured. A
        # run and its resumption must agree on these steps: passes apart draw other dropout masks.
        measure = self.state.global_step % self.state.logging_steps == 0
        apart = measure or self.gradients.shared is not None or self.args.torch_compile
        return [[task] for task in inputs] if apart else self.model.passes(inputs)

    def _finish_gradients(self) -> None:
        step, optimizers = self.state.global_step + 1, parts_of(self._own_optimizer())
        if not self.finite.may_step(self.model, self.gradients, step, optimizers):
            self.gradients.drop()
            return
        reached, kept = self.gradients.finish()
        if kept:
            self._own_optimizer().set_task_grads(reached, kept)

    def _losses_of(
        self, model: nn.Module, batches: dict[str, dict[str, Tensor]]
    ) -> dict[str, Tensor]:
        """Each batch's loss, with what the regularizers and the learned weights make of it."""
        if len(batches) == 1:
            outputs = {task: model(**batch, task=task) for task, batch in batches.items()}
        else:
            with self.accelerator.autocast():  # which it gives to `forward` alone
                outputs = self.model.forward_tasks(batches)
        losses = {}
        for task, output in outputs.items():
            loss = output.loss
            for regularizer in self.regularizers:
                loss = loss + regularizer.term(self.model, task, batches[task], output)
            losses[task] = loss if self.loss_weights is None else self.loss_weights(task, loss)
        return losses

    def _own_optimizer(self) -> Any:
        """The layout's optimizer without accelerate's wrapper."""
        return getattr(self.optimizer, "optimizer", self.optimizer)

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        # Each of several optimizers clips what it steps with; the norm is logged all the same.
        separate = self.args.optimizer_layout in NEED_TASK_GRADIENTS
        return None if separate else super()._clip_grad_norm(model)

    def _get_learning_rate(self) -> float:
        # Called once per step, before the scheduler moves on: the rates this step used.
        self._rates = learning_rates(self.optimizer)
        return super()._get_learning_rate()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add each task's loss, gradient norm and learning rate to the training log."""
        self.finite.read(self.model)
        if "loss" in logs:
            for task, mean in self._losses.pop().items():
                logs[f"loss/{task}"] = self.accelerator.reduce(mean, "mean").item()
            logs.update(self.gradients.logs())
            if self.loss_weights is not None:
                logs.update(self.loss_weights.logs())
            if self.finite.skipped:
                logs["skipped_steps"] = self.finite.skipped
            logs.update({f"learning_rate/{name}": rate for name, rate in self._rates.items()})
        super().log(logs, start_time)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        self.finite.read(self.model)
        super()._save_checkpoint(model, trial)

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        with self._averaged():
            super()._save(output_dir, state_dict)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if self.args.should_save:
            save_state(Path(output_dir), {k: v.state_dict() for k, v in self._stateful().items()})

    def _load_from_checkpoint(self, *args, **kwargs) -> None:
        # The weights of adapters need a place to go to.
        self.trained_parts.prepare(self.model)
        super()._load_from_checkpoint(*args, **kwargs)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None:
            states = load_state(Path(checkpoint), self.args.device)
            if self.averages is not None:
                self.averages.follow(self.model)
            for name, part in self._stateful().items():
                part.load_state_dict(states.get(name, {}))

    def _stateful(self) -> dict[str, Any]:
        """What a step depends on besides weights, optimizer and schedule, by name."""
        assert self._parts is not None  # since the beginning
        return {**self._parts.stateful(), "finite": self.finite}
