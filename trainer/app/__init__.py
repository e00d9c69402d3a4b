"""A web page for the predictions of a trained model; start with `serve.py`.

A Space contains a copy of this package, which runs with only gradio, torch, transformers and
huggingface_hub. It uses relative imports and imports nothing else of the project.
"""
