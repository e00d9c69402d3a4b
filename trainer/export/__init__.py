"""A trained model in the formats of other libraries; read `run.py` first."""

from .pipeline import onnx_pipeline
from .run import FORMATS, export

__all__ = ["FORMATS", "export", "onnx_pipeline"]
