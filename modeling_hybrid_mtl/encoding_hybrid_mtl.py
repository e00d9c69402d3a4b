"""Passes of the encoder, with or without padding."""

from typing import Any

import torch
from torch import Tensor
from transformers.utils import ModelOutput

from .adapters_hybrid_mtl import AdapterMixin
from .attention_hybrid_mtl import to_device
from .embedding_checks_hybrid_mtl import check_failed_batch, check_ids
from .pooling_hybrid_mtl import pool
from .texts_hybrid_mtl import Encoded, stack_texts
from .unpadding_hybrid_mtl import (
    can_unpad,
    enable_unpadding,
    encode_unpadded,
    padding_mask,
    should_unpad,
)


class EncodingMixin(AdapterMixin):
    """The methods of `HybridMTLModel` that run its encoder."""

    pooled_dropout: Any
    shared_layers: Any
    unpadding: bool
    _takes_token_types: bool

    def set_attn_implementation(self, *args, **kwargs) -> None:
        """Set the attention implementation; `sdpa` enables unpadding again."""
        super().set_attn_implementation(*args, **kwargs)
        enable_unpadding(self.backbone)

    def encode_tokens(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        task: str | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return sentence vectors (B, S) and token vectors (B, L, H) of token ids (B, L).

        The attention mask may stay on the CPU while the ids are on an accelerator. Then unpadding
        needs no synchronization to get the lengths.

        Raises:
            ValueError: if ids or types exceed the encoder's embeddings. On an accelerator, this is
                only checked in evaluation mode with the mask on the same device.
        """
        self.activate_adapters(task)
        try:
            return self._encode_tokens(input_ids, attention_mask, token_type_ids)
        except (IndexError, RuntimeError):  # an index beyond the embeddings
            check_failed_batch(self, input_ids, token_type_ids)
            raise

    def _encode_tokens(
        self, input_ids: Tensor, attention_mask: Tensor | None, token_type_ids: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        tables: dict[str, Tensor] = {"input_ids": input_ids}
        if self._takes_token_types and token_type_ids is not None:
            tables["token_type_ids"] = token_type_ids
        if self._should_unpad(input_ids):
            hidden = self._encode_unpadded(attention_mask, tables)
            if hidden is not None:
                return self._pooled(hidden, attention_mask), hidden
        vectors, output = self._padded_pass(attention_mask, **tables)
        return vectors, output.last_hidden_state

    def _padded_pass(
        self, attention_mask: Tensor | None, **inputs: Any
    ) -> tuple[Tensor, ModelOutput]:
        """Return sentence vectors (B, S) and the encoder's output for a padded batch."""
        if attention_mask is not None:
            device = next(table.device for table in inputs.values() if table is not None)
            attention_mask = to_device(attention_mask, device)
        mask = padding_mask(self.backbone, attention_mask)
        output = self.backbone(attention_mask=mask, return_dict=True, **inputs)
        if self.config.pooling == "pooler":
            return self.to_sentence_vectors(output.pooler_output), output
        return self._pooled(output.last_hidden_state, attention_mask), output

    def _pooled(self, hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
        if attention_mask is not None:
            attention_mask = to_device(attention_mask, hidden.device)
        return self.to_sentence_vectors(pool(hidden, attention_mask, self.config.pooling))

    def to_sentence_vectors(self, pooled: Tensor) -> Tensor:
        """Return sentence vectors (B, S) of pooled token vectors (B, H)."""
        return self.shared_layers(self.pooled_dropout(pooled))

    def _encode_unpadded(self, mask: Tensor | None, tables: dict[str, Tensor]) -> Tensor | None:
        """Return token vectors (B, L, H) of an unpadded pass; None if the mask is all zeros."""
        if mask is None:
            mask = torch.ones(tables["input_ids"].shape, dtype=torch.bool)
        if mask.device.type != "cpu":
            mask = mask.cpu()  # synchronizes, so that checking the ids costs nothing more
            if not self.training:
                check_ids(self, tables["input_ids"], tables.get("token_type_ids"))
        return encode_unpadded(self.backbone, mask, **tables) if mask.any() else None

    @property
    def unpads(self) -> bool:
        """Return whether the encoder removes padding where `should_unpad` allows it."""
        # A pooler takes the first column of the encoder's batch.
        return self.unpadding and self.config.pooling != "pooler" and can_unpad(self.backbone)

    def _should_unpad(self, input_ids: Tensor) -> bool:
        return self.unpads and should_unpad(input_ids)

    def encode_pair(
        self,
        first: Encoded,
        second: Encoded,
        task: str | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encode both texts of pairs in one pass of the encoder.

        Args:
            first: token ids (B, L1), attention mask and token types of the first texts.
            second: the same for the second texts, (B, L2).
            task: the task whose adapters are active.

        Returns:
            Sentence vectors (B, S) of the first and of the second texts, and token vectors (2B, L,
            H) with their mask (2B, L).
        """
        ids, mask, types = stack_texts([first, second], self._padding)
        vectors, hidden = self.encode_tokens(ids, mask, types, task)
        u, v = vectors.chunk(2)
        return u, v, hidden, mask

    @property
    def _padding(self) -> int:
        return getattr(self.config.backbone_config, "pad_token_id", None) or 0
