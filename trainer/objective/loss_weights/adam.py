"""Adam for a small vector, whose state is part of a module."""

import torch
from torch import Tensor, nn
from torch.optim.adam import adam


class AdamState(nn.Module):
    """The moments of `torch.optim.Adam` as buffers, for steps that the device can skip.

    Args:
        size: length of the vector.
        lr: the learning rate.
        weight_decay: factor of the vector that is added to its gradient.
    """

    step: Tensor
    mean: Tensor
    square: Tensor

    def __init__(self, size: int, lr: float, weight_decay: float = 0.0):
        super().__init__()
        self.lr = lr
        self.weight_decay = weight_decay
        self.register_buffer("step", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("square", torch.zeros(size))

    def update(self, vector: Tensor, gradient: Tensor, skip: Tensor) -> None:
        """Change a vector in place by one step of Adam, unless `skip`, a scalar, is above 0."""
        adam(
            [vector],
            [gradient],
            [self.mean],
            [self.square],
            [],
            [self.step],
            fused=True,
            # As set by `torch.amp.GradScaler`: the kernel then changes nothing.
            found_inf=skip.float(),
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.lr,
            weight_decay=self.weight_decay,
            eps=1e-8,
            maximize=False,
        )
