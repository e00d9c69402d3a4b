"""Un-padded passes: an encoder reads the tokens of a batch as one row, without the padding.

Everything in an encoder but attention works on each token by itself. So the tokens of all texts
stand in one row, (1, T), and only attention puts them apart again, texts of like length together.
The results are those of a padded pass.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from .dropout_hybrid_mtl import drop

ATTENTION = "hybrid_mtl_packed"
# Those whose attention takes what it is handed, and whose positions can be given.
FAMILIES = ("bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")
TEXTS_PER_CALL = 16


class Texts:
    """Some texts that share a call of attention: their tokens follow one another in the row.

    Args:
        lengths: tokens of each text.
    """

    def __init__(self, lengths: list[int]):
        self.tokens = sum(lengths)
        self.shape = (len(lengths), max(lengths))
        self.mask = torch.arange(self.shape[1]) < torch.tensor(lengths)[:, None]
        self.slots = self.mask.flatten().nonzero().squeeze(1)
        self.full = len(self.slots) == self.mask.numel()

    def attend(self, query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
        """Attention of each token to its own text's tokens; all are (tokens, heads, width)."""
        query, key, value = (self._apart(x).transpose(1, 2) for x in (query, key, value))
        mask = None if self.full else self.mask[:, None, None, :]
        found = _attend(query, key, value, mask, **options).transpose(1, 2).flatten(0, 1)
        return found if self.full else found.index_select(0, self.slots)

    def _apart(self, x: Tensor) -> Tensor:
        if not self.full:
            x = x.new_zeros(self.mask.numel(), *x.shape[1:]).index_copy(0, self.slots, x)
        return x.unflatten(0, self.shape)


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout_p: float,
    scale: float | None,
) -> Tensor:
    """Attention where the mask is true; queries, keys and values are (texts, heads, L, width)."""
    if not dropout_p:
        return functional.scaled_dot_product_attention(query, key, value, mask, scale=scale)
    # With dropout torch does this, too, with a slower dropout and a look for texts without tokens.
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return drop(scores.softmax(dim=-1), dropout_p) @ value


@dataclass
class Packing:
    """How the padded texts of a batch became one row.

    Attributes:
        slots: where each token of the row stands in the flattened batch, (T,).
        shape: rows and columns of the padded batch.
        texts: the row's tokens by calls of attention, in order.
    """

    slots: Tensor
    shape: tuple[int, int]
    texts: list[Texts]

    @classmethod
    def of(cls, mask: Tensor) -> "Packing":
        """Put the texts of a batch with this attention mask (B, L) in order of their lengths."""
        mask = mask.bool()
        lengths, order = mask.sum(dim=1).sort(stable=True)
        # Slots of the flattened batch, text by text in the new order.
        numbers = torch.arange(mask.numel()).view(mask.shape)
        slots = numbers[order][mask[order]]
        found = [n for n in lengths.tolist() if n]
        calls = range(0, len(found), TEXTS_PER_CALL)
        texts = [Texts(found[start : start + TEXTS_PER_CALL]) for start in calls]
        return cls(slots, (mask.shape[0], mask.shape[1]), texts)

    def pack(self, table: Tensor) -> Tensor:
        """The row (1, T) of a padded table (B, L)."""
        return table.flatten()[self.slots][None]

    def unpack(self, row: Tensor) -> Tensor:
        """The padded vectors (B, L, H) of a row (1, T, H), zero where there is padding."""
        flat = row.new_zeros(self.shape[0] * self.shape[1], row.shape[-1])
        return flat.index_copy(0, self.slots, row[0]).unflatten(0, self.shape)


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    packing: Packing | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """What the encoder calls for attention: query, key and value are (B, heads, L, width)."""
    if packing is None:
        options: dict[str, Any] = {"dropout": dropout, "scaling": scaling, **kwargs}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    sizes = [texts.tokens for texts in packing.texts]
    sides = [x[0].transpose(0, 1).split(sizes) for x in (query, key, value)]
    found = [
        texts.attend(*parts, dropout_p=dropout, scale=scaling)
        for texts, *parts in zip(packing.texts, *sides, strict=True)
    ]
    return torch.cat(found)[None], None


AttentionInterface.register(ATTENTION, packed_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def let_pack(encoder: PreTrainedModel) -> None:
    """Make an encoder able to read packed rows, if its kind is and its attention was not chosen."""
    ours = encoder.config._attn_implementation in ("sdpa", ATTENTION)
    if ours and encoder.config.model_type in FAMILIES:
        encoder.set_attn_implementation(ATTENTION)


def packs(encoder: PreTrainedModel, input_ids: Tensor) -> bool:
    """Whether a pass over these texts gains by packing.

    On an accelerator finding the tokens would make every step wait; graphs want fixed shapes.
    """
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()
    return (
        not traced
        and input_ids.device.type == "cpu"
        and encoder.config._attn_implementation == ATTENTION
    )


def has_padding(attention_mask: Tensor) -> bool:
    """Whether there is padding beside tokens."""
    return 0 < int(attention_mask.sum()) < attention_mask.numel()


def read_packed(encoder: PreTrainedModel, attention_mask: Tensor, **tables: Tensor) -> Tensor:
    """Token vectors (B, L, H) of a padded batch (B, L), zero where there is padding.

    Args:
        encoder: one that `let_pack` prepared.
        attention_mask: 1 for tokens to read, 0 for padding, (B, L).
        **tables: the encoder's inputs by name: token ids and, if it reads any, token types, (B, L).
    """
    packing = Packing.of(attention_mask)
    row = {name: packing.pack(table) for name, table in tables.items()}
    row["position_ids"] = packing.pack(_positions(encoder, tables["input_ids"]))
    return packing.unpack(encoder(**row, packing=packing).last_hidden_state)


def _positions(encoder: Any, input_ids: Tensor) -> Tensor:
    """The positions (B, L) that the encoder would give to a padded batch."""
    padding = encoder.embeddings.position_embeddings.padding_idx
    if padding is None:
        return torch.arange(input_ids.shape[1]).expand(input_ids.shape)
    # RoBERTa counts the ids that are not padding's, from behind padding's number.
    counted = input_ids.ne(padding).long()
    return counted.cumsum(dim=1) * counted + padding
