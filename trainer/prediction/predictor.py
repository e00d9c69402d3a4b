"""Predictions for chunks of rows, as columns of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from modeling_hybrid_mtl import HybridMTLPipeline
from modeling_hybrid_mtl.texts_hybrid_mtl import text_error
from trainer.prediction.answers import create_answer
from trainer.prediction.passes import Passes

REASON = "reason"


def find_problem(row: Mapping[str, Any], reads_words: bool) -> tuple[str, str] | None:
    """Return the column of a row that is not text, `text` or `text_pair`, and the reason.

    Args:
        row: `text` and, for pairs, `text_pair` -> the cell.
        reads_words: whether a text may be a list of words.
    """
    for name, value in row.items():
        words = value if reads_words and isinstance(value, (list, tuple)) else [value]
        reason = next(filter(None, map(text_error, words)), None)
        if reason is not None or not words:
            return name, reason or "must have at least one word, got []"
    return None


class Predictor:
    """Predict tasks for rows of texts, as cells of a table.

    Args:
        pipe: the model's pipeline.
        tasks: the tasks; their columns begin with their names if there can be several.
        prefixed: whether they do.
        probabilities: whether to return the probabilities of all classes.
        batch_size: rows per pass.

    Attributes:
        types: column -> type.
        reads_words: whether a text may be a list of words.
        max_length: most tokens of a row that are read.
        truncated: number of predicted rows that are truncated.
        untagged: number of given words without a tag.
    """

    def __init__(
        self,
        pipe: HybridMTLPipeline,
        tasks: Sequence[str],
        *,
        prefixed: bool,
        probabilities: bool,
        batch_size: int,
    ):
        configs = {name: pipe.model.config.task(name) for name in tasks}
        task = None if prefixed else tasks[0]
        self._passes = Passes(pipe, task, tasks, batch_size)
        self.max_length = self._passes.max_length
        self._answers = {name: create_answer(task, probabilities) for name, task in configs.items()}
        self._prefixes = {name: f"{name}_" if prefixed else "" for name in tasks}
        self.reads_words = any(task.reads_words for task in configs.values())
        self.types: dict[str, pa.DataType] = {
            self._prefixes[name] + column: kind
            for name, answer in self._answers.items()
            for column, kind in answer.types.items()
        }
        self.truncated = self.untagged = 0

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the cells of each row.

        Args:
            rows: `text` and, for pairs, `text_pair` -> a text, or a list of words.
        """
        if not rows:
            return []
        words = [row["text"] if isinstance(row["text"], (list, tuple)) else None for row in rows]
        inputs = [
            {**row, "text": row["text"] if given is None else " ".join(given)}
            for row, given in zip(rows, words, strict=True)
        ]
        outputs = self._passes.run(inputs)
        self.truncated += sum(output.truncated for output in outputs)
        return [
            self._cells(output.scores, given) for output, given in zip(outputs, words, strict=True)
        ]

    def _cells(self, scores: Mapping[str, Any], words: Sequence[str] | None) -> dict[str, Any]:
        cells = {}
        for name, answer in self._answers.items():
            for column, value in answer.cells(scores[name], words).items():
                cells[self._prefixes[name] + column] = value
                if words is not None and column == "label" and isinstance(value, list):
                    self.untagged += value.count(None)
        return cells
