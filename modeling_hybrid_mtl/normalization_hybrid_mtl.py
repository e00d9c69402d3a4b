"""Normalization of a head's features, over the features of a row or over the rows of a batch."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn

NORMALIZATIONS = ("none", "batch", "layer")


class BatchNorm(nn.Module):
    """Batch normalization of features (..., H) over all rows (arXiv:1502.03167).

    In training, the rows are those of the batch in all processes, as in `nn.SyncBatchNorm`, but on
    any device. A batch of a single row has no variance; the running statistics normalize it.

    The running statistics move towards the moments of the recorded batches. With an `update` per
    batch, they are those of `nn.BatchNorm1d`, except that the first updates yield the plain mean
    over the batches so far, without the initial values.

    Attributes:
        momentum: share of the new moments in the running statistics after the first updates.
        updates: when recorded moments change the running statistics: after each `batch`, or by a
            call of `update` after each `step`; with `never`, batches are not recorded.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, width: int, eps: float = 1e-5, momentum: float = 0.1):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.updates = "batch"
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))
        self.register_buffer("num_batches_tracked", torch.tensor(0))
        self._recorded: tuple[Tensor, Tensor, Tensor] | None = None

    def forward(self, features: Tensor) -> Tensor:
        mean, variance = self.running_mean.float(), self.running_var.float()
        if self.training:
            count, batch_mean, batch_variance = batch_moments(features.float().flatten(0, -2))
            if self.updates != "never":
                self._record(count, batch_mean.detach(), batch_variance.detach())
            if self.updates == "batch":
                self.update()
            mean = batch_mean.where(count > 1, mean)
            variance = batch_variance.where(count > 1, variance)
        scale = self.weight * (variance + self.eps).rsqrt()
        return ((features.float() - mean) * scale + self.bias).to(features.dtype)

    def _record(self, count: Tensor, mean: Tensor, variance: Tensor) -> None:
        """Add the moments of a batch to the recorded ones (Chan et al., 1979)."""
        if self._recorded is None:
            self._recorded = count, mean, variance
            return
        old_count, old_mean, old_variance = self._recorded
        total = old_count + count
        share = count / total
        change = mean - old_mean
        variance = old_variance.lerp(variance, share) + share * (1 - share) * change.square()
        self._recorded = total, old_mean + share * change, variance

    @torch.no_grad()
    def update(self) -> None:
        """Move the running statistics towards the moments of all rows recorded since the last call.

        Fewer than two rows, and moments that are not finite, are dropped.
        """
        if self._recorded is None:
            return
        count, mean, variance = self._recorded
        self._recorded = None
        # Decided on the device, to avoid synchronization.
        is_valid = (count > 1) & mean.isfinite().all() & variance.isfinite().all()
        self.num_batches_tracked += is_valid.squeeze()
        share = (1 / self.num_batches_tracked.clamp(min=1)).clamp(min=self.momentum)
        unbiased = variance * count / (count - 1).clamp(min=1)
        for running, new in ((self.running_mean, mean), (self.running_var, unbiased)):
            running.copy_(running.float().lerp(new, share).where(is_valid, running.float()))

    def drop(self) -> None:
        """Drop the recorded moments, as of a step that is skipped."""
        self._recorded = None


def batch_moments(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return count (1,), mean (H,) and biased variance (H,) of rows (R, H) in all processes."""
    sums = sum_over_processes(torch.cat([rows.sum(dim=0), rows.new_full((1,), len(rows))]))
    count, mean = sums[-1:].detach(), sums[:-1] / sums[-1:].detach()
    return count, mean, sum_over_processes((rows - mean).square().sum(dim=0)) / count


def sum_over_processes(values: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes, with gradients to each of them."""
    if not distributed.is_available() or not distributed.is_initialized():
        return values
    return values if distributed.get_world_size() == 1 else _AllReduce.apply(values)


class _AllReduce(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        distributed.all_reduce(total)
        return total


def normalization_layers(normalization: str, width: int) -> list[nn.Module]:
    """Return the layer of a kind of normalization of features (..., width), or no layer."""
    kinds: dict[str, Any] = {"batch": BatchNorm, "layer": nn.LayerNorm}
    return [kinds[normalization](width)] if normalization in kinds else []


def batch_norms(model: nn.Module) -> list[BatchNorm]:
    """Return the batch normalization layers of a model."""
    return [module for module in model.modules() if isinstance(module, BatchNorm)]


@contextmanager
def unrecorded(parts: Iterable[Any]) -> Iterator[None]:
    """Exclude the batches of the block from the updates of layers or memories."""
    before = [(part, part.updates) for part in parts]
    for part, _ in before:
        part.updates = "never"
    try:
        yield
    finally:
        for part, updates in before:
            part.updates = updates
