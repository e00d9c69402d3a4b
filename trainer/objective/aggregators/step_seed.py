"""Seeding of the random numbers of aggregators."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


class StepSeed:
    """Seeds torch for a step, by a seed and the number of earlier steps only.

    The random numbers are the same on every process and after resuming; those of data and dropout
    are not affected.

    Attributes:
        step: the number of earlier steps.
    """

    def __init__(self, seed: int):
        self.seed = seed
        self.step = 0

    @contextmanager
    def next_step(self, device: torch.device | None = None) -> Iterator[None]:
        """Seed torch's global generators, of the CPU and of `device`, for a step in the block."""
        # Torch's CPU generator uses 32 bits of its seed, so seed and step are mixed.
        mixed = np.random.SeedSequence(self.seed, spawn_key=(self.step,))
        seed = int(mixed.generate_state(1)[0])
        self.step += 1
        others = [] if device is None or device.type == "cpu" else [device]
        with torch.random.fork_rng(others, device_type=others[0].type if others else "cpu"):
            torch.default_generator.manual_seed(seed)
            for other in others:
                torch.get_device_module(other).manual_seed(seed)
            yield
