"""Opening of a trained model for the commands that ask it."""

from collections.abc import Sequence
from typing import Any


def open_pipeline(
    model: str, trust_remote_code: bool = False, extensions: Sequence[str] | None = None
) -> Any:
    """Return the pipeline of a trained model.

    Args:
        model: its folder or Hub repository.
        trust_remote_code: run the model's own code instead of this project's.
        extensions: files or modules that register its kinds of tasks.

    Raises:
        InputError, OSError, ValueError: if it cannot be loaded; see `reason`.
    """
    if trust_remote_code:
        from transformers import pipeline

        return pipeline("hybrid-mtl", model=model, trust_remote_code=True)
    from modeling_hybrid_mtl import HybridMTLPipeline
    from trainer.config.extensions import load_extensions
    from trainer.loading.trained_model import open_trained

    load_extensions(extensions)
    trained, tokenizer = open_trained(model)
    return HybridMTLPipeline(model=trained, tokenizer=tokenizer)


def reason(error: Exception) -> str:
    """Return an error's message; of the tracebacks in that of `transformers.pipeline`, the end."""
    text = str(error).strip()
    return text.splitlines()[-1] if "Traceback" in text else text
