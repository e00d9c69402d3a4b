"""Exports of a trained model to the formats of other libraries; start with `run.py`."""

from trainer.export.pipeline import onnx_pipeline
from trainer.export.run import FORMATS, export

__all__ = ["FORMATS", "export", "onnx_pipeline"]
