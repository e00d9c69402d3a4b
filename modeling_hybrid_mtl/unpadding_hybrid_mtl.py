"""Unpadded passes: an encoder processes the tokens of a batch as one row, without padding.

All of an encoder except attention works on each token separately. So the tokens of all texts form
one row, (1, T), and only attention separates the texts (`attention_hybrid_mtl`). The results equal
those of a padded pass.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from .attention_hybrid_mtl import Blocks, round_up, to_device
from .onednn_hybrid_mtl import onednn_matmul
from .varlen_attention_hybrid_mtl import Ragged

ATTENTION = "hybrid_mtl_unpadded"
# Encoders whose attention receives extra arguments, and whose positions can be passed.
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
    """The layout of an unpadded batch.

    Attributes:
        slots: index of each token of the row in the flattened batch, (T + spare,).
        spare: number of extra tokens at the end of the row, copies of the first whose outputs are
            ignored.
        shape: rows and columns of the padded batch.
        attention: attention within the texts of the row.
    """

    slots: Tensor
    spare: int
    shape: tuple[int, int]
    attention: Blocks | Ragged

    @classmethod
    def from_mask(cls, mask: Tensor, device: torch.device | str = "cpu") -> "Unpadding":
        """Return the layout of a batch, with the texts sorted by length.

        Args:
            mask: 1 for tokens, 0 for padding, (B, L), on the CPU: the lengths determine all shapes,
                and fetching them from a device would synchronize.
            device: the device of the batch.
        """
        mask = mask.bool()
        lengths, order = mask.sum(dim=1).sort(stable=True)
        # Indices in the flattened batch, text by text in the new order.
        indices = torch.arange(mask.numel()).view(mask.shape)
        slots = indices[order].masked_select(mask[order])
        texts = [n for n in lengths.tolist() if n]
        spare = _bucket_size(len(slots), device) - len(slots)
        slots = torch.cat([slots, slots[:1].expand(spare)])
        attention: Blocks | Ragged
        if _is_cpu(device):
            attention = Blocks(texts)
        else:  # kernels take the whole row, with the spare tokens as one more text
            attention = Ragged([*texts, spare] if spare else texts, device)
        return cls(to_device(slots, device), spare, (mask.shape[0], mask.shape[1]), attention)

    @property
    def tokens(self) -> int:
        """Return the number of tokens without the spare ones."""
        return len(self.slots) - self.spare

    def unpad(self, table: Tensor) -> Tensor:
        """Return a padded table (B, L) as a row, (1, T + spare)."""
        return table.flatten()[self.slots][None]

    def pad(self, row: Tensor) -> Tensor:
        """Return a row (1, T + spare, H) as padded vectors (B, L, H), with zeros for padding."""
        flat = row.new_zeros(self.shape[0] * self.shape[1], row.shape[-1])
        tokens = row[0, : self.tokens]
        return flat.index_copy(0, self.slots[: self.tokens], tokens).unflatten(0, self.shape)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
        """Attend within each text; all are (T + spare, heads, width)."""
        if isinstance(self.attention, Ragged):
            return self.attention.attend(query, key, value, **options)
        tokens = self.tokens
        output = self.attention.attend(query[:tokens], key[:tokens], value[:tokens], **options)
        return torch.cat([output, torch.zeros_like(value[tokens:])])


def _is_cpu(device: torch.device | str) -> bool:
    return torch.device(device).type == "cpu"


def _bucket_size(tokens: int, device: torch.device | str = "cpu") -> int:
    """Round a number of tokens up to one of few sizes.

    On a CPU by at most a sixteenth (or 16), since oneDNN compiles and caches a program of a
    megabyte for each size. Elsewhere by at most 63, for the allocator and the tiles of products.
    """
    if not _is_cpu(device):
        return round_up(tokens, 64)
    return round_up(tokens, 1 << max(4, tokens.bit_length() - 5))


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
    """Run attention for an encoder: query, key and value are (B, heads, L, width)."""
    if unpadding is None:
        options: dict[str, Any] = {"dropout": dropout, "scaling": scaling, **kwargs}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    window = kwargs.get("sliding_window")
    output = unpadding.attend(
        *(x[0].transpose(0, 1) for x in (query, key, value)),
        dropout_p=dropout,
        scale=scaling,
        window=None if window is None else window - 1,  # ModernBERT counts the token itself
    )
    return output[None], None


AttentionInterface.register(ATTENTION, unpadded_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def enable_unpadding(encoder: PreTrainedModel) -> None:
    """Prepare an encoder for unpadded passes, if its type and attention (`sdpa`) allow it."""
    is_supported = encoder.config._attn_implementation in ("sdpa", ATTENTION)
    if is_supported and encoder.config.model_type in FAMILIES:
        encoder.set_attn_implementation(ATTENTION)


def can_unpad(encoder: PreTrainedModel) -> bool:
    """Return whether `enable_unpadding` has prepared this encoder."""
    return encoder.config._attn_implementation == ATTENTION


def should_unpad(input_ids: Tensor) -> bool:
    """Return whether to unpad these texts; false while tracing, which needs fixed shapes."""
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()
    return not traced and input_ids.device.type in ("cpu", "cuda")


def encode_unpadded(encoder: PreTrainedModel, attention_mask: Tensor, **tables: Tensor) -> Tensor:
    """Return token vectors (B, L, H) of a padded batch, with zeros for padding.

    Args:
        encoder: an encoder prepared by `enable_unpadding`.
        attention_mask: 1 for tokens, 0 for padding, (B, L), on the CPU; not all 0.
        **tables: the encoder's inputs by name: token ids and, if supported, token types, (B, L).
    """
    device = tables["input_ids"].device
    unpadding = Unpadding.from_mask(attention_mask, device)
    row: dict[str, Any] = {name: unpadding.unpad(table) for name, table in tables.items()}
    row["position_ids"] = unpadding.unpad(_positions(encoder, tables["input_ids"]))
    if encoder.config.model_type == "modernbert":
        # Prevents the creation of unused T x T masks.
        row["attention_mask"] = {"full_attention": None, "sliding_attention": None}
    with onednn_matmul if device.type == "cpu" else nullcontext():
        return unpadding.pad(encoder(**row, unpadding=unpadding).last_hidden_state)


def padding_mask(encoder: PreTrainedModel, attention_mask: Tensor | None) -> Tensor | None:
    """Return the mask (B, L) of a padded pass in the form that the encoder should get.

    transformers synchronizes to test whether a mask of this shape contains padding. The shape of
    attention, (B, 1, 1, L), is used as it is.
    """
    # ModernBERT derives two masks from it.
    accepts_4d = can_unpad(encoder) and encoder.config.model_type != "modernbert"
    if attention_mask is None or attention_mask.dim() != 2 or not accepts_4d:
        return attention_mask
    if _is_cpu(attention_mask.device):
        return attention_mask
    return attention_mask.bool()[:, None, None, :]


def _positions(encoder: Any, input_ids: Tensor) -> Tensor:
    """Return the positions (B, L) that the encoder would use for a padded batch."""
    table = getattr(encoder.embeddings, "position_embeddings", None)
    padding = None if table is None else table.padding_idx
    if padding is None:
        return torch.arange(input_ids.shape[1], device=input_ids.device).expand(input_ids.shape)
    # RoBERTa numbers the tokens that are not padding, starting after the padding id.
    is_token = input_ids.ne(padding).long()
    return is_token.cumsum(dim=1) * is_token + padding
