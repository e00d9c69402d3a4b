"""A page in the browser that asks a trained model.

This package travels: copied into a Space it runs with gradio, torch, transformers and
huggingface_hub alone. It imports its own files by relative imports and nothing else of the project.
"""

from .errors import UserError
from .serve import AppOptions, serve

__all__ = ["AppOptions", "UserError", "serve"]
