"""Augmentation of a task's training rows with rewritten copies."""

# Imported to register their methods.
from trainer.data.augmentation import (  # noqa: F401
    back_translation,
    counterfactual,
    deletion,
    insertion,
    replacement,
    swap,
    swap_sides,
    synonyms,
)
from trainer.data.augmentation.task_augmentation import (
    AUGMENTATIONS,
    Copier,
    TaskAugmentation,
    augment,
)

__all__ = ["AUGMENTATIONS", "Copier", "TaskAugmentation", "augment"]
