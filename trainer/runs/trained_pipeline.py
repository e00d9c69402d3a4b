"""The pipeline of the model that a trainer has trained."""

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.training.hybrid_trainer import HybridMTLTrainer


def trained_pipeline(trainer: HybridMTLTrainer) -> HybridMTLPipeline:
    """Return a pipeline of the trainer's model, on its device."""
    # Without autocast around its `forward`.
    model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    tokenizer, device = trainer.processing_class, trainer.args.device
    return HybridMTLPipeline(model=model, tokenizer=tokenizer, device=device)
