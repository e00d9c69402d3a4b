"""Multi-label classification: any number of classes for each text."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .heads_hybrid_mtl import ClassificationHead
from .losses_hybrid_mtl import LOSSES
from .registry_hybrid_mtl import HEADS
from .task_config_hybrid_mtl import TaskConfig
from .task_fields_hybrid_mtl import Refuse, is_number

DEFAULT_THRESHOLD = 0.5


@HEADS.register("multi_label")
class MultiLabelHead(ClassificationHead):
    """An independent logit for each class, (B, C); labels are multi-hot, (B, C)."""

    output_type = "labels"
    reads = ("pair_features", "label_smoothing", "thresholds")
    losses = ("binary_cross_entropy", "focal")
    metrics = ("f1_micro", "f1_macro", "average_precision", "subset_accuracy")

    @classmethod
    def check(cls, task: TaskConfig, refuse: Refuse) -> None:
        values: Any = task.thresholds
        if values is not None and (
            not isinstance(values, list)
            or len(values) != len(task.labels or [])
            or not all(is_number(value) and 0 < value < 1 for value in values)
        ):
            refuse("thresholds", "must be a number above 0 and below 1 for each of the labels")

    def postprocess(self, logits: Tensor) -> Tensor:
        """Return the calibrated probability of each class, (B, C)."""
        return self.scaled(logits).sigmoid()

    def predict(self, outputs: Tensor) -> Tensor:
        """Return which classes reach their thresholds, multi-hot integers (..., C)."""
        thresholds = self.task.thresholds or [DEFAULT_THRESHOLD] * len(self.task.labels)
        return (outputs >= outputs.new_tensor(thresholds)).long()


@LOSSES.register("binary_cross_entropy")
def binary_cross_entropy(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the binary cross-entropy of each class, (B, C).

    With a label smoothing s, a target y becomes (1 - s) y + s / 2.

    Args:
        head: provides the label smoothing.
        logits: (B, C).
        labels: multi-hot, (B, C).
    """
    targets = torch.lerp(labels.float(), torch.full_like(logits.float(), 0.5), head.smoothing)
    return functional.binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
