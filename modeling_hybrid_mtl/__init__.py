"""The model that travels to the Hub: configuration, heads, model and pipeline."""

from transformers import AutoConfig, AutoModel

from .configuration_hybrid_mtl import HybridMTLConfig, TaskConfig
from .modeling_hybrid_mtl import HybridMTLModel, HybridMTLOutput
from .pipeline_hybrid_mtl import HybridMTLPipeline

HybridMTLConfig.register_for_auto_class()
HybridMTLModel.register_for_auto_class("AutoModel")
AutoConfig.register("hybrid_mtl", HybridMTLConfig, exist_ok=True)
AutoModel.register(HybridMTLConfig, HybridMTLModel, exist_ok=True)

__all__ = [
    "HybridMTLConfig",
    "HybridMTLModel",
    "HybridMTLOutput",
    "HybridMTLPipeline",
    "TaskConfig",
]
