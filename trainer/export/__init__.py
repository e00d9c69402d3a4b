"""A trained model in the formats of other libraries; read `export.py` first."""

from .export import FORMATS, export
from .onnx_pipeline import onnx_pipeline

__all__ = ["FORMATS", "export", "onnx_pipeline"]
