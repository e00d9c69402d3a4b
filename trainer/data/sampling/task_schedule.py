"""Registered samplers, and the task schedule of a run."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from trainer.data.sampling.options import STEP_EVERY, SamplingOptions
from trainer.data.sampling.round_robin import RoundRobin
from trainer.data.sampling.single_task_steps import Fixed, Sampled, SingleTaskSteps, shares_of_tasks
from trainer.errors import InputError
from trainer.options import check_choice, check_options
from trainer.registry import SAMPLERS

TaskSchedule = RoundRobin | SingleTaskSteps
Batches = Mapping[str, int]


def _first_exhausted(batches: Mapping[str, float]) -> float:
    return min(batches.values())


def _all_exhausted(batches: Mapping[str, float]) -> float:
    return max(batches.values())


STOPPING_STRATEGIES: dict[str, Callable[[Mapping[str, float]], float]] = {
    "first_exhausted": _first_exhausted,
    "all_exhausted": _all_exhausted,
}


def _cycles(args: SamplingOptions, batches: Batches, per_cycle: Mapping[str, float]) -> int:
    """Return the cycles per epoch.

    Args:
        args: `cycles_per_epoch` and `stopping_strategy`.
        batches: task -> batches of one pass.
        per_cycle: task -> batches of a cycle, on average over the run.
    """
    if args.cycles_per_epoch is not None:
        return args.cycles_per_epoch
    needed = {task: count / per_cycle[task] for task, count in batches.items()}
    return max(1, round(STOPPING_STRATEGIES[args.stopping_strategy](needed)))


def _round_robin(args: SamplingOptions, batches: Batches, seed: int) -> RoundRobin:
    cycles = _cycles(args, batches, dict.fromkeys(batches, 1))
    return RoundRobin(list(batches), cycles, args.step_every)


def _fixed(args: SamplingOptions, batches: Batches, seed: int) -> Fixed:
    sequence = args.task_sequence or []
    counts = Counter(sequence)
    repeats = len(batches) / len(sequence)
    cycles = _cycles(args, batches, {task: counts[task] * repeats for task in batches})
    return Fixed(list(batches), cycles, sequence)


def _sampled(
    exponents: Callable[[SamplingOptions], list[float]],
    args: SamplingOptions,
    batches: Batches,
    seed: int,
) -> Sampled:
    shares = shares_of_tasks(batches, exponents(args))
    per_cycle = len(batches) * shares.mean(axis=0)
    cycles = _cycles(args, batches, dict(zip(batches, per_cycle.tolist(), strict=True)))
    return Sampled(list(batches), cycles, shares, seed)


def _temperature(args: SamplingOptions) -> list[float]:
    """Return 1 / T, after Arivazhagan et al. 2019 (arXiv:1907.05019)."""
    return [1 / args.sampling_temperature]


def _annealed(args: SamplingOptions) -> list[float]:
    """Return 1 - 0.8 (e - 1) / (E - 1) for epochs e of E, after Stickland and Murray 2019.

    https://arxiv.org/abs/1902.02671
    """
    epochs = max(1, math.ceil(args.num_train_epochs))
    return [1 - 0.8 * epoch / max(1, epochs - 1) for epoch in range(epochs)]


SAMPLERS.register("round_robin", _round_robin)
SAMPLERS.register("proportional", partial(_sampled, lambda args: [1.0]))
SAMPLERS.register("square_root", partial(_sampled, lambda args: [0.5]))
SAMPLERS.register("temperature", partial(_sampled, _temperature))
SAMPLERS.register("annealed", partial(_sampled, _annealed))
SAMPLERS.register("uniform", partial(_sampled, lambda args: [0.0]))
SAMPLERS.register("fixed", _fixed)


def make_task_schedule(
    args: SamplingOptions, batches: Batches, seed: int, config: Any = None
) -> TaskSchedule:
    """Return the task schedule of a run.

    Args:
        args: the options of sampling.
        batches: task -> batches of one pass over its rows, in the order of the steps.
        seed: seed of the draws.
        config: the options of a sampler registered with `options=`.
    """
    return SAMPLERS.make(args.task_sampling, args, batches, seed, config=config)


def check_sampling(options: SamplingOptions) -> None:
    """Check the options of sampling, alone and in combination.

    Raises:
        InputError: naming the option, with the remedy.
    """
    check_choice("step_every", options.step_every, STEP_EVERY)
    check_choice("stopping_strategy", options.stopping_strategy, STOPPING_STRATEGIES)
    check_options(options, SamplingOptions)
    sampling = options.task_sampling
    if sampling != "round_robin" and options.step_every == "cycle":
        raise InputError(
            f"task_sampling = '{sampling}': chooses one task per batch, but a step over a cycle "
            "has one batch of every task; use step_every: batch, with gradient_accumulation_steps "
            "for steps over several batches"
        )
    if sampling == "fixed" and not options.task_sequence:
        raise InputError("task_sampling = 'fixed': set the order of the tasks in task_sequence")
