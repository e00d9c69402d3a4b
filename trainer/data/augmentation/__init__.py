"""Augmentation: rewritten copies of a task's training rows."""

from trainer.data.augmentation.plan import AUGMENTATIONS, Copier, TaskAugmentation, augment

__all__ = ["AUGMENTATIONS", "Copier", "TaskAugmentation", "augment"]
