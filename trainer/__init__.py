"""Training of hybrid multitask models."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.config.training_arguments import HybridMTLTrainingArguments
    from trainer.training.hybrid_trainer import HybridMTLTrainer

__all__ = ["HybridMTLTrainer", "HybridMTLTrainingArguments"]

# Imported on first use, so that modules without torch load fast.
_MODULES = {
    "HybridMTLTrainer": "trainer.training.hybrid_trainer",
    "HybridMTLTrainingArguments": "trainer.config.training_arguments",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'trainer' has no attribute '{name}'")
    return getattr(import_module(_MODULES[name]), name)
