"""The fingerprint of a model and its tokenizer, which changes with any of their values."""

import hashlib

import torch

from modeling_hybrid_mtl import HybridMTLPipeline


def model_fingerprint(pipe: HybridMTLPipeline) -> str:
    """Return a hash of the weights or graphs, the configuration and the tokenizer."""
    model, tokenizer = pipe.model, pipe.tokenizer
    digest = hashlib.sha256(model.config.to_json_string().encode())
    backend = getattr(tokenizer, "backend_tokenizer", None)
    vocabulary = backend.to_str() if backend is not None else str(sorted(tokenizer.vocab.items()))
    digest.update(f"{vocabulary} {tokenizer.model_max_length}".encode())
    graphs = getattr(model, "fingerprint", None)
    if graphs is not None:  # of an export
        digest.update(graphs.encode())
    else:
        for name, tensor in sorted(model.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(values.numpy())
    return digest.hexdigest()
