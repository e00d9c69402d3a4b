"""Learning rates and weight decay of a training that goes on with other ones."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch.optim.lr_scheduler import LambdaLR


def given_rates(optimizer: Any) -> list[dict[str, float]]:
    """Return the base rate and weight decay of each group, before a checkpoint is loaded."""
    names = ("initial_lr", "weight_decay")
    return [{n: group[n] for n in names if n in group} for group in optimizer.param_groups]


def set_rates(optimizer: Any, schedule: Any, rates: Iterable[Mapping[str, float]]) -> None:
    """Set the base rates and weight decays, and keep the position of the schedule.

    A schedule that depends on evaluations has no base rates: its rates are left as they are.

    Args:
        optimizer: with the state of a checkpoint, which includes its rates.
        schedule: likewise.
        rates: of each group, from `given_rates`.
    """
    for group, given in zip(optimizer.param_groups, rates, strict=True):
        group.update(given)
    if not isinstance(schedule, LambdaLR):
        return
    schedule.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
    shares = [share(schedule.last_epoch) for share in schedule.lr_lambdas]
    now = [base * share for base, share in zip(schedule.base_lrs, shares, strict=True)]
    for group, rate in zip(optimizer.param_groups, now, strict=True):
        group["lr"] = rate
    schedule._last_lr = now
