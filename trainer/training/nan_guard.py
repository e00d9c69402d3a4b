"""Losses and gradients that are NaN or infinite: named, and never trained on by accident."""

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

# A model that cannot make one step in so many will not make any.
MOST_IN_A_ROW = 10
# So many steps an accelerator may be behind when the host reads what became of one: the host then
# never waits for an idle device, and every process reads the same step at the same place.
STEPS_BEHIND = 2
_SHOWN_ROWS, _SHOWN_CHARACTERS = 5, 80


class NonFiniteError(Exception):
    """Training met a loss or a gradient that is not finite, and was told to stop there."""


Batches = list[tuple[str, dict[str, Tensor], Tensor]]


@dataclass
class _Step:
    """A step whose verdict is still on its way from the device.

    Attributes:
        number: of the step.
        batches: each one's task, arguments of `forward` and loss.
        bad: whether it was left out, a scalar on the CPU once `arrived` has happened.
        arrived: an event of the device; None if there is nothing to wait for.
    """

    number: int
    batches: Batches
    bad: Tensor
    arrived: Any

    @classmethod
    def of(cls, number: int, batches: Batches, bad: Tensor) -> "_Step":
        """Send the verdict (a scalar on a device) to the host, without waiting for it."""
        if bad.device.type != "cuda":
            return cls(number, batches, bad, None)
        host = torch.empty_like(bad, device="cpu", pin_memory=True)
        host.copy_(bad, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()
        return cls(number, batches, host, arrived)

    def was_left_out(self) -> bool:
        if self.arrived is not None:
            self.arrived.synchronize()
        return bool(self.bad)


class NanGuard:
    """Looks at each optimizer step's losses and gradients before they change anything.

    On a CPU, the host decides. On an accelerator the host would have to wait for the device in
    every step; there the device itself leaves out the step, as it does for gradient scalers, and
    the host hears of it `STEPS_BEHIND` steps later, or when something is logged or saved. With
    policy `stop` the device leaves out all steps from the first bad one on, so that nothing is
    trained before the host stops. Optimizers without a fused kernel cannot do that: with them, and
    under a gradient scaler, the host waits.

    With a gradient scaler only the losses are looked at: the scaler tries scales that make
    gradients infinite, and leaves out those steps itself.

    Args:
        policy: `stop`, `skip` (leave the step out) or `ignore`.
        tokenizer: to name rows by their texts.
        accelerator: knows the other processes, which all leave out the same steps.
        on_device: whether the device decides; by default it does on accelerators.
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
        self._in_a_row = 0
        self._batches: Batches = []
        self._unread: deque[_Step] = deque()
        self._stopped: Tensor | None = None
        self._marked_optimizers: Sequence[torch.optim.Optimizer] = ()

    def note(self, task: str, batch: dict[str, Tensor], loss: Tensor) -> None:
        """Remember a batch of the step and its loss, a scalar."""
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
        """Whether the step that ends here may be made, as far as the host knows.

        Args:
            model: for finding the rows, if it may not.
            gradients: of the step, not yet averaged or joined.
            step: its number, for the message.
            optimizers: those that are about to step; the device tells them whether to.

        Raises:
            NonFiniteError: with policy `stop`, or after ten steps in a row that were left out.
        """
        if self.policy == "ignore":
            return True
        batches, self._batches = self._batches, []
        numbers = torch.stack([loss for _, _, loss in batches]).float().sum()
        if self.accelerator.scaler is None:
            numbers = numbers + gradients.grad_norm()
        bad = self.accelerator.reduce((~torch.isfinite(numbers)).float().reshape(1), "sum")[0]
        if self.on_device and self.accelerator.scaler is None and all(map(_can_skip, optimizers)):
            self._leave_to_device(bad.clamp(max=1), optimizers)
            self._unread.append(_Step.of(step, batches, bad))
            self.read(model, STEPS_BEHIND)
            return True
        return not self._was_left_out(model, _Step(step, batches, bad, None))

    def _leave_to_device(self, bad: Tensor, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        if self.policy == "stop":
            bad = self._stopped = (
                bad if self._stopped is None else torch.maximum(bad, self._stopped)
            )
        self._marked_optimizers = optimizers
        for optimizer in optimizers:
            # What `torch.amp.GradScaler` sets; the kernel then changes neither weights nor moments.
            vars(optimizer).update(found_inf=bad, grad_scale=None)

    def release(self) -> None:
        """Take the last step's verdict off the optimizers, which others may go on with."""
        for optimizer in self._marked_optimizers:
            for name in ("found_inf", "grad_scale"):
                vars(optimizer).pop(name, None)
        self._marked_optimizers = ()

    def read(self, model: nn.Module, behind: int = 0) -> None:
        """Hear from the device what became of all steps but so many of the last.

        Args:
            model: for finding the rows of a bad step.
            behind: how many steps may stay unread.

        Raises:
            NonFiniteError: as `may_step` does.
        """
        while len(self._unread) > behind:
            self._was_left_out(model, self._unread.popleft())

    def _was_left_out(self, model: nn.Module, step: _Step) -> bool:
        if not step.was_left_out():
            self._in_a_row = 0
            return False
        self._report(self._cause(model, step.batches), step.number)
        return True

    def _report(self, cause: str, step: int) -> None:
        if self.policy == "stop":
            raise NonFiniteError(
                f"step {step}: {cause}. Nothing of it was trained on or saved. Lower the learning "
                f"rate, look at the rows, or leave such steps out with --nan_policy skip"
            )
        self.skipped += 1
        self._in_a_row += 1
        if self._in_a_row == MOST_IN_A_ROW:
            raise NonFiniteError(
                f"step {step}: {cause}. That is the {MOST_IN_A_ROW}th step in a row that was left "
                f"out: the model has diverged; start again with a lower learning rate"
            )
        logger.warning("step %d is left out: %s", step, cause)

    def _cause(self, model: nn.Module, batches: Batches) -> str:
        broken = [name for name, p in model.named_parameters() if not torch.isfinite(p).all()]
        if broken:
            return f"weights are not finite any more ({len(broken)} tensors, first '{broken[0]}')"
        found = [
            f"the loss of task '{task}' is {loss.item()}{self._rows(model, task, batch)}"
            for task, batch, loss in batches
            if not torch.isfinite(loss)
        ]
        if found:
            return "; ".join(found)
        losses = ", ".join(f"{task} {loss.item():.4g}" for task, _, loss in batches)
        found = [
            f"the gradient of task '{task}' is not{self._rows(model, task, batch, gradients=True)}"
            for task, batch, _ in batches
            if not _is_finite(model, task, batch, gradients=True)
        ]
        where = "" if self.accelerator.num_processes == 1 else " here or in another process"
        causes = "; ".join(found) or "computed again each task's is"
        return f"a gradient is not finite{where}, the losses are: {losses}; {causes}"

    def _rows(
        self, model: nn.Module, task: str, batch: dict[str, Tensor], gradients: bool = False
    ) -> str:
        """The texts of the rows whose own loss, or gradient, is not finite."""
        bad = []
        for i in range(len(batch["input_ids"])):
            row: dict[str, Any] = {key: value[i : i + 1] for key, value in batch.items()}
            if not _is_finite(model, task, row, gradients):
                bad.append(self._text(row))
        if not bad:
            return f", though no row's own {'gradient' if gradients else 'loss'} is"
        shown = "; ".join(bad[:_SHOWN_ROWS]) + (" ..." if len(bad) > _SHOWN_ROWS else "")
        return f" because of {len(bad)} of its {len(batch['input_ids'])} rows: {shown}"

    def _text(self, row: dict[str, Tensor]) -> str:
        sides = [row[name][0] for name in ("input_ids", "pair_input_ids") if name in row]
        texts = [self.tokenizer.decode(ids, skip_special_tokens=True) for ids in sides]
        return " | ".join(repr(text[:_SHOWN_CHARACTERS]) for text in texts)


def _can_skip(optimizer: torch.optim.Optimizer) -> bool:
    """Whether an optimizer's kernel takes a flag that says to leave a step out."""
    return getattr(optimizer, "_step_supports_amp_scaling", False)


def _is_finite(model: nn.Module, task: str, batch: dict[str, Tensor], gradients: bool) -> bool:
    """Whether a batch's loss is finite without dropout; or its gradient for all that is trained."""
    training = model.training
    model.eval()
    with torch.set_grad_enabled(gradients):
        numbers = [model(**batch, task=task).loss]
        if gradients:
            trained = [p for p in model.parameters() if p.requires_grad]
            found = torch.autograd.grad(numbers[0], trained, allow_unused=True)
            numbers += [entries(gradient) for gradient in found if gradient is not None]
    model.train(training)
    return all(bool(torch.isfinite(number).all()) for number in numbers)
