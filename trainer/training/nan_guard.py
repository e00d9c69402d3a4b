"""Detection of non-finite losses and gradients."""

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from trainer.objective import StepGradients
from trainer.objective.sparse_embedding_grads import entries

logger = logging.getLogger(__name__)

# After this many skipped steps in a row, the model has diverged.
MAX_SKIPS_IN_A_ROW = 10
# The host fetches the result of a step this many steps later. So it never waits for an idle device,
# and all processes fetch the same step at the same time.
STEPS_BEHIND = 2
_MAX_ROWS, _MAX_CHARACTERS = 5, 80


class NonFiniteError(Exception):
    """Raised for a non-finite loss or gradient if the policy is to stop."""


Batches = list[tuple[str, dict[str, Tensor], Tensor]]


@dataclass
class _Step:
    """A step whose result is still on the device.

    Attributes:
        number: number of the step.
        batches: task, arguments of `forward` and loss of each batch.
        bad: whether the step was skipped, a scalar on the CPU once `arrived` has happened.
        arrived: an event of the device; None if there is nothing to wait for.
    """

    number: int
    batches: Batches
    bad: Tensor
    arrived: Any

    @classmethod
    def from_device(cls, number: int, batches: Batches, bad: Tensor) -> "_Step":
        """Copy the flag `bad` from the device to the host asynchronously."""
        if bad.device.type != "cuda":
            return cls(number, batches, bad, None)
        host = torch.empty_like(bad, device="cpu", pin_memory=True)
        host.copy_(bad, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()
        return cls(number, batches, host, arrived)

    def was_skipped(self) -> bool:
        if self.arrived is not None:
            self.arrived.synchronize()
        return bool(self.bad)


class NanGuard:
    """Checks the losses and gradients of each optimizer step before it is made.

    On a CPU, the host decides. On an accelerator, this would synchronize in every step; instead,
    the device skips the step, as with gradient scalers, and the host fetches the result
    `STEPS_BEHIND` steps later, or when logging or saving. With policy `stop`, the device skips all
    steps from the first bad one on, until the host stops. For optimizers without a fused kernel and
    with a gradient scaler, the host waits.

    With a gradient scaler only the losses are checked: the scaler itself skips steps with infinite
    gradients, which its search for a scale causes.

    Args:
        policy: `stop`, `skip` (the step) or `ignore`.
        tokenizer: decodes the texts of bad rows for messages.
        accelerator: connects the processes, which all skip the same steps.
        on_device: whether the device decides; if None, true on accelerators.

    Attributes:
        skipped: number of skipped steps.
        skip_flag: 1 if the device skips the current step, else 0, a scalar; None if the host
            decides.
    """

    def __init__(
        self,
        policy: str,
        tokenizer: PreTrainedTokenizerBase,
        accelerator: Accelerator,
        on_device: bool | None = None,
    ) -> None:
        self.policy = policy
        self.tokenizer = tokenizer
        self.accelerator = accelerator
        self.on_device = accelerator.device.type == "cuda" if on_device is None else on_device
        self.skipped = 0
        self.skip_flag: Tensor | None = None
        self._in_a_row = 0
        self._batches: Batches = []
        self._pending: deque[_Step] = deque()
        self._stopped: Tensor | None = None
        self._marked_optimizers: Sequence[torch.optim.Optimizer] = ()

    def record(self, task: str, batch: dict[str, Tensor], loss: Tensor) -> None:
        """Record a batch of the step and its loss, a scalar."""
        if self.policy != "ignore":
            self._batches.append((task, batch, loss))

    def state_dict(self) -> dict[str, int]:
        return {"skipped": self.skipped, "in_a_row": self._in_a_row}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.skipped = state.get("skipped", 0)
        self._in_a_row = state.get("in_a_row", 0)

    def may_step(
        self,
        model: nn.Module,
        gradients: StepGradients,
        step: int,
        optimizers: Sequence[torch.optim.Optimizer],
    ) -> bool:
        """Return whether to make the current step, as far as the host can decide.

        Args:
            model: used to find the bad rows.
            gradients: gradients of the step, not averaged or aggregated yet.
            step: its number, for messages.
            optimizers: the optimizers of the step, which get the device's flag.

        Raises:
            NonFiniteError: with policy `stop`, or after ten skipped steps in a row.
        """
        if self.policy == "ignore":
            return True
        batches, self._batches = self._batches, []
        total = torch.stack([loss for _, _, loss in batches]).float().sum()
        if self.accelerator.scaler is None:
            total = total + gradients.grad_norm()
        bad = self.accelerator.reduce((~torch.isfinite(total)).float().reshape(1), "sum")[0]
        if self.on_device and self.accelerator.scaler is None and all(map(_can_skip, optimizers)):
            self._skip_on_device(bad.clamp(max=1), optimizers)
            self._pending.append(_Step.from_device(step, batches, bad))
            self.process(model, STEPS_BEHIND)
            return True
        return not self._handle_result(model, _Step(step, batches, bad, None))

    def _skip_on_device(self, bad: Tensor, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        if self.policy == "stop":
            bad = self._stopped = (
                bad if self._stopped is None else torch.maximum(bad, self._stopped)
            )
        self._marked_optimizers, self.skip_flag = optimizers, bad
        for optimizer in optimizers:
            # As set by `torch.amp.GradScaler`: the kernel then changes neither weights nor moments.
            vars(optimizer).update(found_inf=bad, grad_scale=None)

    def release(self) -> None:
        """Remove the flag of the last step from the optimizers."""
        for optimizer in self._marked_optimizers:
            for name in ("found_inf", "grad_scale"):
                vars(optimizer).pop(name, None)
        self._marked_optimizers = ()

    def process(self, model: nn.Module, behind: int = 0) -> None:
        """Fetch the results of all steps except the last few.

        Args:
            model: used to find the rows of a bad step.
            behind: number of steps that may stay pending.

        Raises:
            NonFiniteError: as `may_step`.
        """
        while len(self._pending) > behind:
            self._handle_result(model, self._pending.popleft())

    def _handle_result(self, model: nn.Module, step: _Step) -> bool:
        if not step.was_skipped():
            self._in_a_row = 0
            return False
        self._report(self._cause(model, step.batches), step.number)
        return True

    def _report(self, cause: str, step: int) -> None:
        if self.policy == "stop":
            raise NonFiniteError(
                f"step {step}: {cause}. The step was neither trained on nor saved. Lower the "
                f"learning rate, check the rows, or skip such steps with --nan_policy skip"
            )
        self.skipped += 1
        self._in_a_row += 1
        if self._in_a_row == MAX_SKIPS_IN_A_ROW:
            raise NonFiniteError(
                f"step {step}: {cause}. This is the {MAX_SKIPS_IN_A_ROW}th skipped step in a row: "
                f"the model has diverged; start again with a lower learning rate"
            )
        logger.warning("step %d is skipped: %s", step, cause)

    def _cause(self, model: nn.Module, batches: Batches) -> str:
        broken = [name for name, p in model.named_parameters() if not torch.isfinite(p).all()]
        if broken:
            return f"weights are no longer finite ({len(broken)} tensors, first '{broken[0]}')"
        reasons = [
            f"the loss of task '{task}' is {loss.item()}{self._rows(model, task, batch)}"
            for task, batch, loss in batches
            if not torch.isfinite(loss)
        ]
        if reasons:
            return "; ".join(reasons)
        losses = ", ".join(f"{task} {loss.item():.4g}" for task, _, loss in batches)
        reasons = [
            f"the gradient of task '{task}' is not{self._rows(model, task, batch, gradients=True)}"
            for task, batch, _ in batches
            if not _is_finite(model, task, batch, gradients=True)
        ]
        scope = "" if self.accelerator.num_processes == 1 else " here or in another process"
        causes = "; ".join(reasons) or "recomputed, that of each task is"
        return f"a gradient is not finite{scope}, the losses are: {losses}; {causes}"

    def _rows(
        self, model: nn.Module, task: str, batch: dict[str, Tensor], gradients: bool = False
    ) -> str:
        """Describe the rows whose own loss, or gradient, is not finite."""
        texts = []
        for i in range(len(batch["input_ids"])):
            row: dict[str, Any] = {key: value[i : i + 1] for key, value in batch.items()}
            if not _is_finite(model, task, row, gradients):
                texts.append(self._text(row))
        if not texts:
            return f", though no row's own {'gradient' if gradients else 'loss'} is"
        shown = "; ".join(texts[:_MAX_ROWS]) + (" ..." if len(texts) > _MAX_ROWS else "")
        return f" because of {len(texts)} of its {len(batch['input_ids'])} rows: {shown}"

    def _text(self, row: dict[str, Tensor]) -> str:
        sides = [row[name][0] for name in ("input_ids", "pair_input_ids") if name in row]
        texts = [self.tokenizer.decode(ids, skip_special_tokens=True) for ids in sides]
        return " | ".join(repr(text[:_MAX_CHARACTERS]) for text in texts)


def _can_skip(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether an optimizer's kernel supports a flag to skip the step."""
    return getattr(optimizer, "_step_supports_amp_scaling", False)


def _is_finite(model: nn.Module, task: str, batch: dict[str, Tensor], gradients: bool) -> bool:
    """Return whether a batch's loss, and optionally its gradient, is finite without dropout."""
    training = model.training
    model.eval()
    with torch.set_grad_enabled(gradients):
        values = [model(**batch, task=task).loss]
        if gradients:
            trained = [p for p in model.parameters() if p.requires_grad]
            grads = torch.autograd.grad(values[0], trained, allow_unused=True)
            values += [entries(gradient) for gradient in grads if gradient is not None]
    model.train(training)
    return all(bool(torch.isfinite(value).all()) for value in values)
