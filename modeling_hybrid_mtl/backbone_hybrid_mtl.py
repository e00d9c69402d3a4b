"""The encoder of a new model, with the pooler that its configuration requires."""

from typing import Any

from torch import Tensor, nn
from transformers import AutoModel

from .configuration_hybrid_mtl import HybridMTLConfig

# Encoders that call their pooler without a check for None.
POOLER_IS_CALLED = ("layoutlm", "squeezebert")

# Encoders with the CLS token at the end; `cls` pooling takes the first token.
CLS_IS_LAST = ("xlnet",)


class NoPooler(nn.Module):
    """A placeholder for an unused pooler."""

    def forward(self, hidden: Tensor) -> None:
        """Return None."""


def build_backbone(config: HybridMTLConfig) -> Any:
    """Return an encoder with new weights, without a pooler that the model would not use.

    Raises:
        ValueError: if it has no token embeddings, or lacks what `pooling` requires.
    """
    # An encoder configuration may refer to code of any repository.
    encoder = AutoModel.from_config(config.backbone_config, trust_remote_code=False)
    _check_embeddings(encoder)
    kind = config.backbone_config.model_type
    if config.pooling == "cls" and kind in CLS_IS_LAST:
        raise ValueError(f"pooling = 'cls': {kind} puts this token at the end; use 'mean'")
    has_pooler = getattr(encoder, "pooler", None) is not None
    if config.pooling == "pooler" and not has_pooler:
        raise ValueError(f"pooling = 'pooler': a {kind} backbone has none; use 'mean' or 'cls'")
    if config.pooling != "pooler" and has_pooler:
        # An unused pooler would be run and saved, and DDP would wait for its gradients.
        encoder.pooler = NoPooler() if kind in POOLER_IS_CALLED else None
    return encoder


def _check_embeddings(encoder: Any) -> None:
    try:
        encoder.get_input_embeddings()
    except NotImplementedError as error:
        raise ValueError(
            f"a {encoder.config.model_type} encoder has no token embeddings; use a text encoder "
            f"such as BERT"
        ) from error
