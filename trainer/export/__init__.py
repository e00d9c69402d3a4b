"""A trained model in the formats of other libraries; read `run.py` first."""

from trainer.export.pipeline import onnx_pipeline
from trainer.export.run import FORMATS, export

__all__ = ["FORMATS", "export", "onnx_pipeline"]
