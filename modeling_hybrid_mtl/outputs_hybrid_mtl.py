"""The output of the model."""

from dataclasses import dataclass

from torch import Tensor
from transformers.utils import ModelOutput


@dataclass
class HybridMTLOutput(ModelOutput):
    """Output of `HybridMTLModel.forward`; values of None are omitted.

    Attributes:
        loss: scalar, times the task's `loss_weight`; with labels only.
        logits: (B, C) for classification, (B, L, C) for token classification, (B,) in units of the
            score range for regression and similarity, cosines for ranking; with a task only.
        last_hidden_state: token vectors, (B, L, H); for siamese tasks (2B, L, H), all first texts
            before all second ones. Without a task this is the first entry, as for other encoders.
        embeddings: sentence vectors, (B, H); (B, 2, H) for siamese tasks.
        hidden_states: inputs of the first layer and outputs of each, shaped as `last_hidden_state`;
            on request.
        attentions: attention weights of each layer, (B, heads, L, L) or (2B, heads, L, L); on
            request.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    last_hidden_state: Tensor | None = None
    embeddings: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
