"""A multitask model as one would write it in an afternoon: an encoder and a linear layer a task."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer


class PlainModel(nn.Module):
    """One pass of the encoder for each text column, the mean of its vectors, a head a task.

    Args:
        folder: the encoder's weights.
        tasks: task -> `kind`, and `pair` (whether a row has two texts), `labels` (how many) or
            `range` (lowest and highest score).
    """

    # Else `Trainer` would not divide the loss where it accumulates: `forward` takes keywords.
    accepts_loss_kwargs = False

    def __init__(self, folder: str, tasks: Mapping[str, Mapping[str, Any]]):
        super().__init__()
        self.tasks = dict(tasks)
        self.encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False)
        width = self.encoder.config.hidden_size
        # A pair's head reads [u; v; |u-v|; u*v]; a similarity is a cosine and has none.
        self.heads = nn.ModuleDict(
            {
                name: nn.Linear(width * (4 if task["pair"] else 1), task["labels"])
                for name, task in tasks.items()
                if task["kind"] == "classification"
            }
        )

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Sentence vectors (B, H)."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).float()
        return (hidden * weights).sum(1) / weights.sum(1)

    def forward(self, task: str, labels: Tensor, **batch: Tensor) -> dict[str, Tensor]:
        u = self.encode(batch["input_ids"], batch["attention_mask"])
        v: Any = None
        if "pair_input_ids" in batch:
            v = self.encode(batch["pair_input_ids"], batch["pair_attention_mask"])
        if self.tasks[task]["kind"] == "similarity":
            low, high = self.tasks[task]["range"]
            scores = low + (high - low) * functional.cosine_similarity(u, v)
            return {"loss": functional.mse_loss(scores, labels.float()), "logits": scores}
        features = u if v is None else torch.cat([u, v, (u - v).abs(), u * v], dim=-1)
        logits = self.heads[task](features)
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}


def load_tokenizer(folder: str, max_length: int) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = max_length
    return tokenizer


def tokenised(rows: Sequence[Mapping[str, Any]], tokenizer: Any) -> list[dict[str, Any]]:
    """The rows as token ids, unpadded: `input_ids`, `pair_input_ids` of pairs, and `labels`."""
    found = [{"labels": row["label"]} for row in rows]
    for column, name in (("text", "input_ids"), ("text_pair", "pair_input_ids")):
        if column in rows[0]:
            ids = tokenizer([row[column] for row in rows], truncation=True)["input_ids"]
            for row, own in zip(found, ids, strict=True):
                row[name] = own
    return found


def padded(rows: Sequence[Mapping[str, Any]], tokenizer: Any) -> dict[str, Tensor]:
    """Rows of one task as tensors, padded to the longest text of the batch."""
    batch = {"labels": torch.tensor([row["labels"] for row in rows])}
    for prefix in ("", "pair_"):
        if f"{prefix}input_ids" in rows[0]:
            ids = {"input_ids": [row[f"{prefix}input_ids"] for row in rows]}
            for name, value in tokenizer.pad(ids, return_tensors="pt").items():
                batch[prefix + name] = value
    return batch
