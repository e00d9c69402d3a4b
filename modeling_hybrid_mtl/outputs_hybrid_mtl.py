"""What the model returns."""

from dataclasses import dataclass

from torch import Tensor
from transformers.utils import ModelOutput


@dataclass
class HybridMTLOutput(ModelOutput):
    """What `HybridMTLModel.forward` returns; what is None is not in it.

    Attributes:
        loss: scalar, times the task's `loss_weight`; with labels only.
        logits: (B, C) for classification, (B, L, C) for token classification, (B,) in units of the
            score range for regression and similarity; with a task only.
        last_hidden_state: token vectors, (B, L, H); (2B, L, H), all first texts and then all second
            ones, when the two texts of a pair are given apart. Without a task it is the first
            entry, as of every encoder.
        embeddings: sentence vectors, (B, H); (B, 2, H) when a pair's two texts are given apart.
        hidden_states: the vectors in front of the first layer and behind each, shaped as
            `last_hidden_state`; if asked for.
        attentions: each layer's attention weights, (B, heads, L, L) or (2B, heads, L, L); if asked
            for.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    last_hidden_state: Tensor | None = None
    embeddings: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
