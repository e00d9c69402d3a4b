"""How a hybrid multitask model is trained."""

from trainer.arguments import HybridMTLTrainingArguments
from trainer.hybrid_trainer import HybridMTLTrainer

__all__ = ["HybridMTLTrainer", "HybridMTLTrainingArguments"]
