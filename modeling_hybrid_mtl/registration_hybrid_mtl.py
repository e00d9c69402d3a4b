"""Makes the code of a model known to the process that has loaded it."""

from typing import Any

import transformers
from transformers import AutoModel
from transformers.pipelines import PIPELINE_REGISTRY

from .configuration_hybrid_mtl import HybridMTLConfig
from .pipeline_hybrid_mtl import HybridMTLPipeline
from .standard_hybrid_mtl import SIMILARITY, TEXT, TOKENS

NAME = "hybrid-mtl"
INSTALLED = "modeling_hybrid_mtl"
KINDS: dict[str, Any] = PIPELINE_REGISTRY.supported_tasks


def register_pipeline(package: str) -> None:
    """Let `pipeline("hybrid-mtl", model=...)` take a model that was loaded before.

    Under the standard names, too, such a model is answered for by its own pipeline, and every other
    model by transformers' own, as ever.

    Args:
        package: where this code lies; what is installed stands before what came with a model.
    """
    known = KINDS.get(NAME)
    if known is not None:
        if known["impl"].__module__.startswith(f"{INSTALLED}.") and package != INSTALLED:
            return
        del KINDS[NAME]
    PIPELINE_REGISTRY.register_pipeline(
        NAME, pipeline_class=HybridMTLPipeline, pt_model=AutoModel, type="text"
    )
    # A name of the Hub's, that transformers has no pipeline for.
    if KINDS.get(SIMILARITY) in (None, known):
        KINDS[SIMILARITY] = KINDS[NAME]
    for name in (TEXT, TOKENS):
        plain = KINDS[name]["impl"]
        if isinstance(plain, str):  # as transformers has it, neither ours nor another library's
            KINDS[name]["impl"] = _by_model(getattr(transformers, plain.rpartition(".")[2]))


def _by_model(plain: type) -> type:
    """A class that makes transformers' own pipeline of a model, or this kind's of one of these.

    `pipeline(name, model=object)` chooses the class by the name alone.
    """

    class ByModel(plain):  # type: ignore[misc, valid-type]
        def __new__(cls, model: Any, **options: Any) -> Any:
            kind = getattr(getattr(model, "config", None), "model_type", None)
            ours = kind == HybridMTLConfig.model_type
            return (KINDS[NAME]["impl"] if ours else plain)(model=model, **options)

    return ByModel
