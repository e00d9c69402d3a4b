"""`SentenceTransformerTrainer` with a dataset and a loss for each task, sampled round robin.

It tokenizes during training and draws the order of the rows itself. Pairs are encoded separately,
with its own losses. It has no loss for classes of single texts, so one is defined here.
"""

import tempfile
from collections.abc import Iterable
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer import losses
from torch import Tensor, nn
from torch.nn import functional
from transformers import set_seed

from benchmarks.peers.hugging_face import plain_arguments, train_paced
from benchmarks.peers.libraries import choose_library, waiter
from benchmarks.peers.protocol import Line, Pace, read_job
from benchmarks.peers.tokens import TokenCounter


class ClassOfText(nn.Module):
    """Cross-entropy of a linear layer on a text's vector."""

    def __init__(self, model: SentenceTransformer, labels: int):
        super().__init__()
        self.model = model
        self.classifier = nn.Linear(width_of(model), labels)

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        (features,) = sentence_features
        vectors = self.model(features)["sentence_embedding"]
        return functional.cross_entropy(self.classifier(vectors), labels.view(-1))


def width_of(model: Any) -> int:
    return model.get_embedding_dimension()


def loss_of(model: SentenceTransformer, task: dict[str, Any]) -> nn.Module:
    if task["kind"] == "similarity":
        return losses.CosineSimilarityLoss(model)
    if not task["pair"]:
        return ClassOfText(model, task["labels"])
    return losses.SoftmaxLoss(
        model, width_of(model), task["labels"], concatenation_sent_multiplication=True
    )


def dataset_of(task: dict[str, Any]) -> Dataset:
    """Return the rows with their texts first; scores as cosines, from 0 to 1."""
    rows = task["rows"]
    columns = {
        name: [row[name] for row in rows] for name in ("text", "text_pair") if name in rows[0]
    }
    labels = [row["label"] for row in rows]
    if task["kind"] == "similarity":
        low, high = task["range"]
        labels = [(label - low) / (high - low) for label in labels]
    return Dataset.from_dict({**columns, "label": labels})


def main() -> None:
    job, line = read_job(), Line()
    choose_library(job)
    set_seed(job["seed"])
    model = SentenceTransformer(job["weights"], device=job["device"])
    model.max_seq_length = job["max_length"]
    torch.manual_seed(job["seed"])
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            **plain_arguments(job, folder), multi_dataset_batch_sampler="round_robin"
        )
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset={name: dataset_of(task) for name, task in job["tasks"].items()},
            loss={name: loss_of(model, task) for name, task in job["tasks"].items()},
        )
        encoder: Any = model[0].auto_model
        counter = TokenCounter([encoder], encoder.config.pad_token_id)
        train_paced(trainer, Pace(line, counter, waiter(job)))


if __name__ == "__main__":
    main()
