"""A simple multitask model: an encoder and a linear layer for each task."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer


class PlainModel(nn.Module):
    """One pass of the encoder for a batch, with both texts of its pairs, and a head per task.

    A vector is the mean over a text's tokens. A similarity is a cosine after a linear layer, so
    that every head has weights for its own optimizer.

    Args:
        folder: the encoder's weights.
        tasks: task -> `kind`, and `pair` (whether a row has two texts), `labels` (how many) or
            `range` (lowest and highest score).
    """

    # Otherwise `Trainer` would not divide the loss in accumulation: `forward` takes keywords.
    accepts_loss_kwargs = False

    def __init__(self, folder: str, tasks: Mapping[str, Mapping[str, Any]]):
        super().__init__()
        self.tasks = dict(tasks)
        self.encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False)
        width = self.encoder.config.hidden_size
        # Features of the head for classes of pairs: [u; v; |u-v|; u*v].
        self.heads = nn.ModuleDict(
            {
                name: nn.Linear(width, width)
                if task["kind"] == "similarity"
                else nn.Linear(width * (4 if task["pair"] else 1), task["labels"])
                for name, task in tasks.items()
            }
        )

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return sentence vectors (B, H)."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).float()
        return (hidden * weights).sum(1) / weights.sum(1)

    def forward(self, task: str, labels: Tensor, **batch: Tensor) -> dict[str, Tensor]:
        vectors = self.encode(batch["input_ids"], batch["attention_mask"])
        u, v = vectors.chunk(2) if self.tasks[task]["pair"] else (vectors, None)
        if self.tasks[task]["kind"] == "similarity":
            low, high = self.tasks[task]["range"]
            head = self.heads[task]
            scores = low + (high - low) * functional.cosine_similarity(head(u), head(v))
            return {"loss": functional.mse_loss(scores, labels.float()), "logits": scores}
        features = u if v is None else torch.cat([u, v, (u - v).abs(), u * v], dim=-1)
        logits = self.heads[task](features)
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}


def load_tokenizer(folder: str, max_length: int) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = max_length
    return tokenizer


def tokenized(rows: Sequence[Mapping[str, Any]], tokenizer: Any) -> list[dict[str, Any]]:
    """Return the rows as unpadded token ids: `input_ids`, `pair_input_ids`, and `labels`."""
    found = [{"labels": row["label"]} for row in rows]
    for column, name in (("text", "input_ids"), ("text_pair", "pair_input_ids")):
        if column in rows[0]:
            ids = tokenizer([row[column] for row in rows], truncation=True)["input_ids"]
            for row, own in zip(found, ids, strict=True):
                row[name] = own
    return found


def padded(rows: Sequence[Mapping[str, Any]], tokenizer: Any) -> dict[str, Tensor]:
    """Return rows of one task as padded tensors; of pairs, all first texts come first."""
    ids = [row[name] for name in ("input_ids", "pair_input_ids") for row in rows if name in row]
    batch = tokenizer.pad({"input_ids": ids}, return_tensors="pt")
    return {**batch, "labels": torch.tensor([row["labels"] for row in rows])}
