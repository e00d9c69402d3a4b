"""Augmentation of a task's training rows with rewritten copies."""

from trainer.data.augmentation.task_augmentation import (
    AUGMENTATIONS,
    Copier,
    TaskAugmentation,
    augment,
)

__all__ = ["AUGMENTATIONS", "Copier", "TaskAugmentation", "augment"]
