"""Time training cycles on a table with one column of labels and with several, in one process."""

import tempfile
from collections.abc import Sequence
from typing import Any

from datasets import Dataset

from benchmarks.speed.workers.aggregators import serve_ways
from benchmarks.speed.workers.trainers import be_quiet, settings_of
from modeling_hybrid_mtl import HybridMTLModel
from trainer import HybridMTLTrainer
from trainer.data import tokenize
from trainer.loading.new_model import load_config, load_tokenizer


def make_trainer(job: dict[str, Any], folder: str, columns: Sequence[str]) -> HybridMTLTrainer:
    """Return a trainer on the texts of `sentiment`, with a task of its classes for each column."""
    settings = settings_of(job, folder)
    entry = settings.tasks["sentiment"].model
    labels = list(entry.labels or [])
    rows = Dataset.from_list(job["tasks"]["sentiment"]["rows"])
    tokenizer = load_tokenizer(settings.run, load_config(settings.run))
    tokens = tokenize("table", rows, entry, tokenizer, settings.run.max_length)
    classes = tokens["labels"][:]
    tokens = tokens.remove_columns("labels")
    for shift, name in enumerate(columns):
        shifted = [(index + shift) % len(labels) for index in classes]
        tokens = tokens.add_column(f"labels_{name}", shifted)
    args = settings.training
    args.task_args = {}  # those of the default tasks
    task = {"kind": "classification", "labels": labels}
    return HybridMTLTrainer(
        HybridMTLModel.from_backbone(job["weights"], dict.fromkeys(columns, task)),
        args,
        train_dataset=dict.fromkeys(columns, tokens),
        processing_class=tokenizer,
    )


if __name__ == "__main__":
    be_quiet()
    with tempfile.TemporaryDirectory() as place:
        serve_ways(lambda job, columns: make_trainer(job, place, columns))
