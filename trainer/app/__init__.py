"""A page in the browser that asks a trained model; read `serve.py` first.

This package travels: copied into a Space it runs with gradio, torch, transformers and
huggingface_hub alone. It imports its own files by relative imports and nothing else of the project.
"""
