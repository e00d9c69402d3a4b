"""Logits and losses of the heads, from the encoder's vectors."""

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from .attention_hybrid_mtl import to_device
from .encoding_hybrid_mtl import EncodingMixin
from .losses_hybrid_mtl import LossError
from .onednn_hybrid_mtl import onednn_matmul
from .outputs_hybrid_mtl import HybridMTLOutput


class HeadsMixin(EncodingMixin):
    """The methods of `HybridMTLModel` that run its heads."""

    heads: Any

    def logits_of(
        self,
        task: str,
        u: Tensor,
        v: Tensor | None = None,
        hidden: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Return a head's logits.

        Args:
            task: the task.
            u: sentence vectors (B, S).
            v: those of the second texts of a siamese task.
            hidden: token vectors, (B, L, H), or (2B, L, H) of first and second texts; required by
                heads of tokens and by attention pooling.
            attention_mask: their mask, (B, L) or (2B, L).
        """
        return self._run_head(task, u, v, hidden, attention_mask)[0]

    def _run_head(
        self,
        task: str,
        u: Tensor,
        v: Tensor | None,
        hidden: Tensor | None,
        attention_mask: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Return a head's logits and the input of its loss."""
        head: Any = self.heads[task]
        # As in the encoder; the setting is global, so other threads must not change it here.
        with onednn_matmul if u.device.type == "cpu" and self._should_unpad(u) else nullcontext():
            if head.pooling is not None:
                mask = None if attention_mask is None else to_device(attention_mask, u.device)
                vectors = self.to_sentence_vectors(head.pooling(hidden, mask))
                rows = u.shape[0]  # unlike len(u), not a constant when traced
                u, v = vectors[:rows], None if v is None else vectors[rows:]
            first = hidden if head.output_type == "tags" else u
            return head.forward_with_loss_input(first, v)

    def _output(
        self,
        task: str | None,
        u: Tensor,
        v: Tensor | None,
        hidden: Tensor,
        attention_mask: Tensor | None,
        labels: Tensor | None,
        label_mask: Tensor | None,
        label_weights: Tensor | None,
    ) -> HybridMTLOutput:
        loss = logits = None
        if task is not None:
            logits, loss_input = self._run_head(task, u, v, hidden, attention_mask)
            if labels is not None:
                loss = self._loss(task, loss_input, labels, label_mask, label_weights)
        embeddings = u if v is None else torch.stack([u, v], dim=1)
        return HybridMTLOutput(loss, logits, hidden, embeddings)

    def _loss(
        self,
        task: str,
        logits: Tensor,
        labels: Tensor,
        label_mask: Tensor | None,
        weights: Tensor | None,
    ) -> Tensor:
        if label_mask is not None:
            rows = label_mask.nonzero().squeeze(1).to(logits.device, non_blocking=True)
            if len(rows) == 0:
                return 0 * logits.sum()
            logits, labels = logits[rows], labels[rows]
            weights = None if weights is None else weights[rows]
        try:
            loss = self.heads[task].loss(logits, labels, weights)
        except LossError as error:
            name = self.config.tasks[task]["loss"]
            raise LossError(f"task '{task}': loss '{name}': {error}") from error
        self._check_loss(task, loss, logits)
        return self.config.tasks[task]["loss_weight"] * loss

    def _check_loss(self, task: str, loss: Any, logits: Tensor) -> None:
        if not isinstance(loss, Tensor) or loss.dim() or logits.requires_grad > loss.requires_grad:
            found = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"{loss!r}"
            raise LossError(
                f"task '{task}': loss '{self.config.tasks[task]['loss']}': expected a scalar "
                f"tensor that depends on the logits, got {found}"
            )
