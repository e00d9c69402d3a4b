"""Un-padded passes: an encoder reads the tokens of a batch as one row, without the padding.

Everything in an encoder but attention works on each token by itself. So the tokens of all texts
stand in one row, (1, T), and only attention keeps them apart (`attention_hybrid_mtl`). The results
are those of a padded pass.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from .attention_hybrid_mtl import Blocks, Ragged, rounded_up, to_device
from .onednn_hybrid_mtl import onednn_matmul

ATTENTION = "hybrid_mtl_unpadded"
# Those whose attention takes what it is handed, and whose positions can be given.
FAMILIES = (
    "bert",
    "camembert",
    "distilbert",
    "electra",
    "modernbert",
    "roberta",
    "xlm-roberta",
)


@dataclass
class Unpadding:
    """How the padded texts of a batch became one row.

    Attributes:
        slots: where each token of the row stands in the flattened batch, (T,).
        spare: how many more the row has, copies of the first, which nobody reads.
        shape: rows and columns of the padded batch.
        attention: keeps the row's texts apart.
    """

    slots: Tensor
    spare: int
    shape: tuple[int, int]
    attention: Blocks | Ragged

    @classmethod
    def of(cls, mask: Tensor, device: torch.device | str = "cpu") -> "Unpadding":
        """Put the texts of a batch in order of their lengths.

        Args:
            mask: 1 for tokens to read, 0 for padding, (B, L), on the CPU: how long the texts are
                decides the shapes of all that follows, and to ask a device would be to wait for it.
            device: where the batch is.
        """
        mask = mask.bool()
        lengths, order = mask.sum(dim=1).sort(stable=True)
        # Slots of the flattened batch, text by text in the new order.
        numbers = torch.arange(mask.numel()).view(mask.shape)
        slots = numbers[order][mask[order]]
        texts = [n for n in lengths.tolist() if n]
        spare = _few_sizes(len(slots), device) - len(slots)
        attention: Blocks | Ragged
        if _is_host(device):
            attention = Blocks(texts)
        else:  # a kernel reads the whole row, and the spare tokens are one more text in it
            attention = Ragged([*texts, spare] if spare else texts, device)
        return cls(to_device(slots, device), spare, (mask.shape[0], mask.shape[1]), attention)

    def unpad(self, table: Tensor) -> Tensor:
        """The row (1, T + spare) of a padded table (B, L)."""
        row = table.flatten()[self.slots]
        return torch.cat([row, row[:1].expand(self.spare)])[None]

    def pad(self, row: Tensor) -> Tensor:
        """The padded vectors (B, L, H) of a row (1, T + spare, H), zero where there is padding."""
        flat = row.new_zeros(self.shape[0] * self.shape[1], row.shape[-1])
        tokens = row[0, : len(self.slots)]
        return flat.index_copy(0, self.slots, tokens).unflatten(0, self.shape)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
        """Attention within each text; all are (T + spare, heads, width)."""
        if isinstance(self.attention, Ragged):
            return self.attention.attend(query, key, value, **options)
        tokens = len(self.slots)
        read = self.attention.attend(query[:tokens], key[:tokens], value[:tokens], **options)
        return torch.cat([read, torch.zeros_like(value[tokens:])])


def _is_host(device: torch.device | str) -> bool:
    return torch.device(device).type == "cpu"


def _few_sizes(tokens: int, device: torch.device | str = "cpu") -> int:
    """So many tokens or some more, a number that comes up often.

    On a CPU up to a sixteenth more (or 16): oneDNN makes and keeps a program of a megabyte for
    every size of a product that it meets. Elsewhere up to 63, for the allocator and the tiles of
    the products.
    """
    if not _is_host(device):
        return rounded_up(tokens, 64)
    return rounded_up(tokens, 1 << max(4, tokens.bit_length() - 5))


def unpadded_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    unpadding: Unpadding | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """What the encoder calls for attention: query, key and value are (B, heads, L, width)."""
    if unpadding is None:
        options: dict[str, Any] = {"dropout": dropout, "scaling": scaling, **kwargs}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    window = kwargs.get("sliding_window")
    found = unpadding.attend(
        *(x[0].transpose(0, 1) for x in (query, key, value)),
        dropout_p=dropout,
        scale=scaling,
        window=None if window is None else window - 1,  # ModernBERT counts the token itself
    )
    return found[None], None


AttentionInterface.register(ATTENTION, unpadded_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def enable_unpadding(encoder: PreTrainedModel) -> None:
    """Prepare an encoder for unpadded passes, if its type and attention (`sdpa`) allow them."""
    ours = encoder.config._attn_implementation in ("sdpa", ATTENTION)
    if ours and encoder.config.model_type in FAMILIES:
        encoder.set_attn_implementation(ATTENTION)


def can_unpad(encoder: PreTrainedModel) -> bool:
    """Whether `enable_unpadding` made this encoder able to."""
    return encoder.config._attn_implementation == ATTENTION


def should_unpad(input_ids: Tensor) -> bool:
    """Return whether to unpad these texts: not while a graph is made, which needs fixed shapes."""
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()
    return not traced and input_ids.device.type in ("cpu", "cuda")


def encode_unpadded(encoder: PreTrainedModel, attention_mask: Tensor, **tables: Tensor) -> Tensor:
    """Token vectors (B, L, H) of a padded batch (B, L), zero where there is padding.

    Args:
        encoder: one that `enable_unpadding` prepared.
        attention_mask: 1 for tokens to read, 0 for padding, (B, L), on the CPU; not everywhere 0.
        **tables: the encoder's inputs by name: token ids and, if it reads any, token types, (B, L).
    """
    device = tables["input_ids"].device
    unpadding = Unpadding.of(attention_mask, device)
    row: dict[str, Any] = {name: unpadding.unpad(table) for name, table in tables.items()}
    row["position_ids"] = unpadding.unpad(_positions(encoder, tables["input_ids"]))
    if encoder.config.model_type == "modernbert":
        # Else it would make masks of T x T, which nobody reads.
        row["attention_mask"] = {"full_attention": None, "sliding_attention": None}
    with onednn_matmul if device.type == "cpu" else nullcontext():
        return unpadding.pad(encoder(**row, unpadding=unpadding).last_hidden_state)


def padding_mask(encoder: PreTrainedModel, attention_mask: Tensor | None) -> Tensor | None:
    """The mask (B, L) of a padded pass as the encoder is to be given it.

    transformers asks a mask of this shape whether anything is padding, which waits for an
    accelerator. One of the shape that attention takes, (B, 1, 1, L), is used as it is.
    """
    ours = can_unpad(encoder) and encoder.config.model_type != "modernbert"  # which makes two of it
    if attention_mask is None or attention_mask.dim() != 2 or not ours:
        return attention_mask
    if _is_host(attention_mask.device):
        return attention_mask
    return attention_mask.bool()[:, None, None, :]


def _positions(encoder: Any, input_ids: Tensor) -> Tensor:
    """The positions (B, L) that the encoder would give to a padded batch."""
    table = getattr(encoder.embeddings, "position_embeddings", None)
    padding = None if table is None else table.padding_idx
    if padding is None:
        return torch.arange(input_ids.shape[1], device=input_ids.device).expand(input_ids.shape)
    # RoBERTa counts the ids that are not padding's, from behind padding's number.
    counted = input_ids.ne(padding).long()
    return counted.cumsum(dim=1) * counted + padding
