"""The forward and backward passes of a step: each task's loss and gradients."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer

from modeling_hybrid_mtl.losses_hybrid_mtl import LossError
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.errors import InputError
from trainer.objective import StepGradients
from trainer.objective.loss_weights import LossWeights
from trainer.objective.means import RunningMeans
from trainer.objective.regularizers import Regularizer
from trainer.optimization import parts_of
from trainer.training.loss_balancing import LossBalancing
from trainer.training.nan_guard import NanGuard
from trainer.training.step_statistics import StepStatistics


class TaskSteps(Trainer):
    """The part of `HybridMTLTrainer` that runs the passes of a step.

    Attributes:
        gradients: the gradients of the current optimizer step.
        nan_guard: decides whether the optimizer may step.
        regularizers: terms added to each task's loss.
        loss_weights: weights of the losses that change during the run, if any.
        balancing: updates the weights after each step, if they depend on it.
        statistics: updates the statistics of batch normalization.
    """

    args: HybridMTLTrainingArguments
    model: Any
    optimizer: Any
    gradients: StepGradients
    nan_guard: NanGuard
    regularizers: list[Regularizer]
    loss_weights: LossWeights | None
    balancing: LossBalancing | None
    statistics: StepStatistics
    _losses: RunningMeans
    _batches_in_step: Counter[str]

    def training_step(
        self, model: nn.Module, inputs: dict[str, dict[str, Tensor]], num_items_in_batch: Any = None
    ) -> Tensor:
        """Run the forward and backward passes of one step.

        The gradient of an optimizer step is the sum over tasks of the mean over that task's
        batches, however the batches are distributed over accumulation steps.

        Returns:
            The step's contribution to the loss, a scalar.
        """
        # A compiled model is passed as an argument; wrappers such as DDP are not used.
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
                self.nan_guard.record(task, inputs[task], loss.detach())
                self._losses.add(task, loss.detach())
                total += shares[task].detach()
        if self.accelerator.sync_gradients:
            self._finish_gradients()
        return total

    def _to_device(self, batches: dict[str, dict[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
        """Copy a step's batches to the device asynchronously.

        For unpadded passes, attention masks stay on the CPU: the lengths determine the shapes, and
        reading a mask from the device would synchronize.
        """
        keep_masks = self.model.unpads and not self.args.torch_compile
        copies: dict[int, Tensor] = {}  # of tensors that tasks of one table share

        def copy(name: str, tensor: Tensor) -> Tensor:
            if name == "label_mask" or (keep_masks and name.endswith("attention_mask")):
                return tensor
            if id(tensor) not in copies:
                copies[id(tensor)] = tensor.to(self.args.device, non_blocking=True)
            return copies[id(tensor)]

        return {
            task: {name: copy(name, tensor) for name, tensor in batch.items()}
            for task, batch in batches.items()
        }

    def _passes(self, inputs: dict[str, dict[str, Tensor]]) -> list[list[str]]:
        """Group the tasks of a step by pass: jointly, unless gradients are needed per task.

        Each pass has its own backward pass, which frees its activations, and recomputed activations
        use the adapters of their own pass.
        """
        # Measure the gradient norm per task once per logging period. A resumed run must do so in
        # the same steps, since separate passes draw other dropout masks.
        measure = self.state.global_step % self.state.logging_steps == 0
        separate = measure or self.gradients.shared is not None or self.args.torch_compile
        return [[task] for task in inputs] if separate else self.model.passes(inputs)

    def _finish_gradients(self) -> None:
        step, optimizers = self.state.global_step + 1, parts_of(self._unwrapped_optimizer())
        may_step = self.nan_guard.may_step(self.model, self.gradients, step, optimizers)
        self.statistics.finish(skipped=not may_step)
        if not may_step:
            self.gradients.drop()
            if self.balancing is not None:
                self.balancing.skip()
            return
        tasks, task_grads = self.gradients.finish()
        if task_grads:
            self._unwrapped_optimizer().set_task_grads(tasks, task_grads)

    def _losses_of(
        self, model: nn.Module, batches: dict[str, dict[str, Tensor]]
    ) -> dict[str, Tensor]:
        """Return the loss of each batch, with regularizers and loss weights."""
        # Of the mean over this rank's labeled rows; terms of regularizers are means over all rows.
        scales = {task: batch.pop("loss_scale", 1.0) for task, batch in batches.items()}
        try:
            if len(batches) == 1:
                outputs = {task: model(**batch, task=task) for task, batch in batches.items()}
            else:
                with self.accelerator.autocast():  # accelerate wraps `forward` only
                    outputs = self.model.forward_tasks(batches)
        except LossError as error:
            raise InputError(str(error)) from error
        losses = {}
        for task, output in outputs.items():
            loss = output.loss * scales[task]
            if self.balancing is not None:
                self.balancing.record(task, batches[task], loss, scales[task])
            with self.statistics.paused():
                for regularizer in self.regularizers:
                    loss = loss + regularizer.term(self.model, task, batches[task], output)
            losses[task] = loss if self.loss_weights is None else self.loss_weights(task, loss)
        return losses

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        # Called after each optimizer step, before its checkpoint.
        if self.balancing is not None:
            norms = {} if self.gradients.shared is None else self.gradients.shared.norms
            self.balancing.after_step(
                self.state.global_step, norms, self.nan_guard.skip_flag, self._loss_of
            )
        super()._maybe_log_save_evaluate(*args, **kwargs)

    def _loss_of(self, task: str, batch: dict[str, Tensor]) -> Tensor:
        """Return the loss of a batch, without regularizers and loss weights."""
        with self.compute_loss_context_manager(), self.statistics.paused():
            return self.model(**batch, task=task).loss

    def _unwrapped_optimizer(self) -> Any:
        """Return the optimizer without accelerate's wrapper."""
        return getattr(self.optimizer, "optimizer", self.optimizer)
