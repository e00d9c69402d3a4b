"""Random numbers of an aggregator's own."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


class Draws:
    """Random numbers that follow from a seed and the number of earlier steps.

    Every process draws the same, a resumed run goes on with the same, and the numbers that data
    and dropout draw stay as they are without the aggregator.

    Attributes:
        step: how many steps have drawn.
    """

    def __init__(self, seed: int):
        self.seed = seed
        self.step = 0

    @contextmanager
    def next_step(self, device: torch.device | None = None) -> Iterator[None]:
        """Torch's global generators, of the CPU and of `device`, are this step's in the block."""
        # Torch's CPU generator uses 32 bits of its seed: they have to come from both numbers.
        mixed = np.random.SeedSequence(self.seed, spawn_key=(self.step,))
        seed = int(mixed.generate_state(1)[0])
        self.step += 1
        others = [] if device is None or device.type == "cpu" else [device]
        with torch.random.fork_rng(others, device_type=others[0].type if others else "cpu"):
            torch.default_generator.manual_seed(seed)
            for other in others:
                torch.get_device_module(other).manual_seed(seed)
            yield
