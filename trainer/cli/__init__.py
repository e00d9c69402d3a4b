"""The command `hybrid-mtl`: a module for each of its commands; start with `main.py`.

Modules import torch and transformers on use only, so that help and refusals appear at once.
"""
