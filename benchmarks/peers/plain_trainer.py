"""Plain `transformers.Trainer`: the datasets concatenated, one AdamW.

The rows are in the order of round-robin batches, and a sequential sampler keeps it; each batch is
padded to its longest text, and the batches of a cycle are accumulated to one step.
"""

import tempfile
from typing import Any

from torch.utils.data import SequentialSampler
from transformers import Trainer, TrainingArguments, set_seed

from benchmarks.peers.hugging_face import plain_arguments, train_paced
from benchmarks.peers.libraries import choose_library, waiter
from benchmarks.peers.model import PlainModel, load_tokenizer, padded, tokenized
from benchmarks.peers.protocol import Line, Pace, read_job
from benchmarks.peers.tokens import TokenCounter


class InOrder(Trainer):
    """Uses the rows in their order."""

    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> Any:
        return SequentialSampler(self.train_dataset)


def in_turns(rows: dict[str, list[dict[str, Any]]], size: int) -> list[dict[str, Any]]:
    """Return all rows in one list: a batch of the first task, one of the second, and so on."""
    count = min(map(len, rows.values())) // size
    return [
        {**row, "task": task}
        for cycle in range(count)
        for task, own in rows.items()
        for row in own[cycle * size : (cycle + 1) * size]
    ]


def main() -> None:
    job, line = read_job(), Line()
    choose_library(job)
    set_seed(job["seed"])
    tokenizer = load_tokenizer(job["weights"], job["max_length"])
    model = PlainModel(job["weights"], job["tasks"])
    rows = {name: tokenized(task["rows"], tokenizer) for name, task in job["tasks"].items()}
    with tempfile.TemporaryDirectory() as folder:
        options = {**plain_arguments(job, folder), "remove_unused_columns": False}
        trainer = InOrder(
            model,
            TrainingArguments(**options),
            train_dataset=in_turns(rows, job["batch_size"]),
            data_collator=lambda batch: {"task": batch[0]["task"], **padded(batch, tokenizer)},
        )
        counter = TokenCounter([model.encoder], tokenizer.pad_token_id)
        train_paced(trainer, Pace(line, counter, waiter(job)))


if __name__ == "__main__":
    main()
