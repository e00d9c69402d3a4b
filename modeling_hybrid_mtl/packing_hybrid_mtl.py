"""Un-padded passes: an encoder reads the tokens of a batch as one row, without the padding.

Everything in an encoder but attention works on each token by itself. So the tokens of all texts
stand in one row, (1, T), and only attention puts them apart again, texts of like length together.
The results are those of a padded pass.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from .dropout_hybrid_mtl import drop
from .products_hybrid_mtl import fast_products

ATTENTION = "hybrid_mtl_packed"
# Those whose attention takes what it is handed, and whose positions can be given.
FAMILIES = ("bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")
TEXTS_PER_CALL = 16
SCORES_PER_CALL = 1 << 16  # of each head


class Texts:
    """Some texts that share a call of attention: their tokens follow one another in the row.

    Args:
        lengths: tokens of each text.
    """

    def __init__(self, lengths: list[int]):
        self.tokens = sum(lengths)
        self.shape = (len(lengths), _rounded_up(max(lengths)))
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
    """Attention where the mask is true; queries, keys and values are (texts, heads, L, width).

    Torch's own makes a small product for every block, which costs oneDNN several times what it
    costs MKL.
    """
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return drop(scores.softmax(dim=-1), dropout_p) @ value


def _in_calls(lengths: list[int]) -> list[Texts]:
    """Texts in ascending order of length, by calls of attention whose scores a cache can hold."""
    calls: list[list[int]] = []
    for length in lengths:
        most = min(TEXTS_PER_CALL, SCORES_PER_CALL // _rounded_up(length) ** 2)
        if not calls or len(calls[-1]) >= most:
            calls.append([])
        calls[-1].append(length)
    return [Texts(call) for call in calls]


@dataclass
class Packing:
    """How the padded texts of a batch became one row.

    Attributes:
        slots: where each token of the row stands in the flattened batch, (T,).
        spare: how many more the row has, copies of the first, which nobody reads.
        shape: rows and columns of the padded batch.
        texts: the row's tokens by calls of attention, in order.
    """

    slots: Tensor
    spare: int
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
        texts = _in_calls([n for n in lengths.tolist() if n])
        spare = _few_sizes(len(slots)) - len(slots)
        return cls(slots, spare, (mask.shape[0], mask.shape[1]), texts)

    def pack(self, table: Tensor) -> Tensor:
        """The row (1, T + spare) of a padded table (B, L)."""
        row = table.flatten()[self.slots]
        return torch.cat([row, row[:1].expand(self.spare)])[None]

    def unpack(self, row: Tensor) -> Tensor:
        """The padded vectors (B, L, H) of a row (1, T + spare, H), zero where there is padding."""
        flat = row.new_zeros(self.shape[0] * self.shape[1], row.shape[-1])
        tokens = row[0, : len(self.slots)]
        return flat.index_copy(0, self.slots, tokens).unflatten(0, self.shape)


def _rounded_up(count: int, step: int = 8) -> int:
    return -(-count // step) * step


def _few_sizes(tokens: int) -> int:
    """So many or up to a sixteenth more (or 16), a number that comes up often.

    oneDNN makes and keeps a program of a megabyte for every size of a product that it meets.
    """
    return _rounded_up(tokens, 1 << max(4, tokens.bit_length() - 5))


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
    sizes = [*(texts.tokens for texts in packing.texts), packing.spare]
    sides = [x[0].transpose(0, 1).split(sizes) for x in (query, key, value)]
    found = [
        texts.attend(*parts, dropout_p=dropout, scale=scaling)
        for texts, *parts in zip(packing.texts, *sides, strict=False)
    ]
    unread = torch.zeros_like(sides[-1][-1])
    return torch.cat([*found, unread])[None], None


AttentionInterface.register(ATTENTION, packed_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def let_pack(encoder: PreTrainedModel) -> None:
    """Make an encoder able to read packed rows, if its kind is and its attention was not chosen."""
    ours = encoder.config._attn_implementation in ("sdpa", ATTENTION)
    if ours and encoder.config.model_type in FAMILIES:
        encoder.set_attn_implementation(ATTENTION)


def can_pack(encoder: PreTrainedModel) -> bool:
    """Whether `let_pack` made this encoder able to."""
    return encoder.config._attn_implementation == ATTENTION


def pays(input_ids: Tensor) -> bool:
    """Whether a pass over these texts gains by packing.

    On an accelerator finding the tokens would make every step wait; graphs want fixed shapes.
    """
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()
    return not traced and input_ids.device.type == "cpu"


def read_packed(encoder: PreTrainedModel, attention_mask: Tensor, **tables: Tensor) -> Tensor:
    """Token vectors (B, L, H) of a padded batch (B, L), zero where there is padding.

    Args:
        encoder: one that `let_pack` prepared.
        attention_mask: 1 for tokens to read, 0 for padding, (B, L); not everywhere 0.
        **tables: the encoder's inputs by name: token ids and, if it reads any, token types, (B, L).
    """
    packing = Packing.of(attention_mask)
    row = {name: packing.pack(table) for name, table in tables.items()}
    row["position_ids"] = packing.pack(_positions(encoder, tables["input_ids"]))
    with fast_products:
        return packing.unpack(encoder(**row, packing=packing).last_hidden_state)


def _positions(encoder: Any, input_ids: Tensor) -> Tensor:
    """The positions (B, L) that the encoder would give to a padded batch."""
    padding = encoder.embeddings.position_embeddings.padding_idx
    if padding is None:
        return torch.arange(input_ids.shape[1]).expand(input_ids.shape)
    # RoBERTa counts the ids that are not padding's, from behind padding's number.
    counted = input_ids.ne(padding).long()
    return counted.cumsum(dim=1) * counted + padding
