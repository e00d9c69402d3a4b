"""Optimizer classes: those of transformers, and Adam."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import Trainer, TrainingArguments

from trainer.errors import InputError
from trainer.optimization.cyclic import CYCLIC
from trainer.optimization.options import ADAM


@contextmanager
def known_to_transformers(args: TrainingArguments) -> Iterator[None]:
    """Replace the optimizer and schedule added here by valid ones while transformers checks them.

    After the block, `optim` and `lr_scheduler_type` are the original names as strings.
    """
    optim, schedule = (
        getattr(name, "value", name) for name in (args.optim, args.lr_scheduler_type)
    )
    args.optim = "adamw_torch" if optim == ADAM else optim
    args.lr_scheduler_type = "constant" if schedule == CYCLIC else schedule
    yield
    args.optim, args.lr_scheduler_type = optim, schedule


def optimizer_kind(
    args: TrainingArguments, model: nn.Module | None = None
) -> tuple[Any, dict[str, Any]]:
    """Return the optimizer's class and keyword arguments.

    `adam` is Adam (Kingma and Ba 2015), which unlike AdamW adds weight decay to the gradient, and
    so to the moments.
    """
    if args.optim != ADAM:
        return Trainer.get_optimizer_cls_and_kwargs(args, model)
    return torch.optim.Adam, {
        "lr": args.learning_rate,
        "betas": (args.adam_beta1, args.adam_beta2),
        "eps": args.adam_epsilon,
        "fused": _has_fused_kernel(args.device),
    }


def _has_fused_kernel(device: torch.device) -> bool:
    try:
        torch.optim.Adam([nn.Parameter(torch.zeros(1, device=device))], fused=True)
    except RuntimeError:
        return False
    return True


def check_optimizer(args: TrainingArguments) -> None:
    """Check that the optimizer can be created for a parameter.

    Raises:
        InputError: for an optimizer that is not installed, rejects its options, or needs calls of
            the training loop other than `step`.
    """
    try:
        optimizer_class, options = optimizer_kind(args)
        optimizer = optimizer_class([nn.Parameter(torch.zeros(1))], **options)
    except (AssertionError, ImportError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"optim = '{args.optim}': {error}") from error
    if hasattr(optimizer, "eval"):
        raise InputError(
            f"optim = '{args.optim}': needs train and eval modes, which are not supported; use "
            f"adamw_torch_fused, adamw_torch, adafactor, sgd or another plain optimizer"
        )
