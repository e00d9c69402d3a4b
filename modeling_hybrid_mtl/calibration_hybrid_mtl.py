"""Calibration: a task's temperature, thresholds and lowest score without review."""

import copy
import dataclasses
from typing import Any

from torch import Tensor

# Fields of a task that are fitted after training; its layers do not depend on them.
CALIBRATION_FIELDS = ("temperature", "thresholds", "min_score")


class CalibrationMixin:
    """The methods of `TaskHead` that use a task's calibration."""

    task: Any

    def scaled(self, logits: Tensor) -> Tensor:
        """Return logits z in float32 as z / T, with the task's temperature T, if it has one.

        T above 1 makes probabilities less extreme, and changes no order (temperature scaling, Guo
        et al. 2017, arXiv:1706.04599).
        """
        temperature = self.task.temperature
        return logits.float() if temperature is None else logits.float() / temperature

    def needs_review(self, outputs: Tensor) -> Tensor:
        """Return whether a person should decide, (B,), given the probabilities of classes, (B, C).

        This is so if all are below the task's `min_score`, which must be set.
        """
        return outputs.amax(dim=-1) < self.task.min_score

    def uncalibrated(self) -> Any:
        """Return a head with the same layers whose task has no calibration."""
        head: Any = copy.copy(self)
        head.task = dataclasses.replace(self.task, **dict.fromkeys(CALIBRATION_FIELDS))
        return head
