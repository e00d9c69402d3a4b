"""Registration of the pipeline in the process that has loaded a model."""

from typing import Any

import transformers
from transformers import AutoModel
from transformers.pipelines import PIPELINE_REGISTRY

from .configuration_hybrid_mtl import HybridMTLConfig
from .pipeline_hybrid_mtl import HybridMTLPipeline
from .standard_hybrid_mtl import SIMILARITY, TEXT, TOKENS

NAME = "hybrid-mtl"
INSTALLED = "modeling_hybrid_mtl"
SUPPORTED_TASKS: dict[str, Any] = PIPELINE_REGISTRY.supported_tasks


def register_pipeline(package: str) -> None:
    """Register `HybridMTLPipeline` as "hybrid-mtl", also for models that are loaded already.

    Under the standard names, hybrid-mtl models get this pipeline, and all other models that of
    transformers.

    Args:
        package: the package of this code; the installed one has precedence over code from a model.
    """
    registered = SUPPORTED_TASKS.get(NAME)
    if registered is not None:
        if registered["impl"].__module__.startswith(f"{INSTALLED}.") and package != INSTALLED:
            return
        del SUPPORTED_TASKS[NAME]
    PIPELINE_REGISTRY.register_pipeline(
        NAME, pipeline_class=HybridMTLPipeline, pt_model=AutoModel, type="text"
    )
    # A task of the Hub without a pipeline in transformers.
    if SUPPORTED_TASKS.get(SIMILARITY) in (None, registered):
        SUPPORTED_TASKS[SIMILARITY] = SUPPORTED_TASKS[NAME]
    for name in (TEXT, TOKENS):
        pipeline_class = SUPPORTED_TASKS[name]["impl"]
        if isinstance(pipeline_class, str):  # not replaced yet, by this or another library
            SUPPORTED_TASKS[name]["impl"] = _by_model(
                getattr(transformers, pipeline_class.rpartition(".")[2])
            )


def _by_model(default: type) -> type:
    """Return a class that creates `default`, or this pipeline for a hybrid-mtl model.

    `pipeline(name, model=object)` selects the class by the name only.
    """

    class ByModel(default):  # type: ignore[misc, valid-type]
        def __new__(cls, model: Any, **options: Any) -> Any:
            kind = getattr(getattr(model, "config", None), "model_type", None)
            is_hybrid_mtl = kind == HybridMTLConfig.model_type
            return (SUPPORTED_TASKS[NAME]["impl"] if is_hybrid_mtl else default)(
                model=model, **options
            )

    return ByModel
