"""Passes of a model over many rows: tokenized together, batched by length."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from modeling_hybrid_mtl import HybridMTLPipeline
from modeling_hybrid_mtl.standard_hybrid_mtl import word_entities
from modeling_hybrid_mtl.texts_hybrid_mtl import max_positions

# The inputs of the model besides token ids.
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


@dataclass(frozen=True)
class RowScores:
    """The outputs of a row.

    Attributes:
        scores: task -> probabilities of its classes, a score, or the entities of a text's words.
        truncated: whether the end of a text is not read.
    """

    scores: dict[str, Any]
    truncated: bool


class Passes:
    """Runs tasks of one kind of input on rows, with one call of the tokenizer for all of them.

    A pipeline tokenizes and converts row by row, which takes up to a tenth of the model's time.

    Args:
        pipe: the model's pipeline.
        task: the task; all that fit the rows if None.
        tasks: the names of the tasks that are run.
        batch_size: rows per pass.

    Attributes:
        max_length: most tokens of a text, or of both texts of a pair that are read as one.
    """

    def __init__(
        self, pipe: HybridMTLPipeline, task: str | None, tasks: Sequence[str], batch_size: int
    ):
        self._pipe, self._batch_size = pipe, batch_size
        self._options = {} if task is None else {"task": task}
        self._tasks = {name: pipe.model.config.task(name) for name in tasks}
        self._has_tags = any(entry.reads_words for entry in self._tasks.values())
        limit = pipe.tokenizer.model_max_length
        self.max_length: int = min(limit, max_positions(pipe.model) or limit)

    def run(self, rows: Sequence[Mapping[str, str]]) -> list[RowScores]:
        """Return the outputs of each row.

        Args:
            rows: `text` and, for pairs, `text_pair`.
        """
        encodings = {prefix: self._tokenize(*texts) for prefix, texts in self._sides(rows)}
        lengths = [
            sum(len(encoded["input_ids"][row]) for encoded in encodings.values())
            for row in range(len(rows))
        ]
        # Longest first: a batch that does not fit in memory fails at once.
        order = sorted(range(len(rows)), key=lambda row: -lengths[row])
        found: list[Any] = [None] * len(rows)
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            outputs = self._run_batch(encodings, batch, rows)
            for row, scores in zip(batch, outputs, strict=True):
                truncated = any(_is_truncated(each, row) for each in encodings.values())
                found[row] = RowScores(scores, truncated)
        return found

    def _sides(
        self, rows: Sequence[Mapping[str, str]]
    ) -> Iterator[tuple[str, tuple[list[str], ...]]]:
        """Yield the prefix of each sequence of tokens in the pipeline's batches, and its texts."""
        names = [name for name in ("text", "text_pair") if name in rows[0]]
        texts = tuple([row[name] for row in rows] for name in names)
        encodings = {entry.pair_encoding for entry in self._tasks.values()}
        if encodings != {"cross"}:
            yield from zip(("", "pair_"), ((side,) for side in texts), strict=False)
        if "cross" in encodings:
            yield "cross_", texts

    def _tokenize(self, *texts: list[str]) -> Any:
        return self._pipe.tokenizer(
            *texts,
            truncation=True,
            max_length=self.max_length,
            return_offsets_mapping=self._has_tags,
        )

    def _run_batch(
        self, encodings: Mapping[str, Any], batch: Sequence[int], rows: Sequence[Mapping[str, str]]
    ) -> list[dict[str, Any]]:
        features: dict[str, Tensor] = {}
        for prefix, encoded in encodings.items():
            for name in _INPUTS:
                if name in encoded:
                    features[prefix + name] = self._padded(name, [encoded[name][i] for i in batch])
            # Counted here for the whole row.
            features[f"{prefix}truncated"] = torch.zeros(len(batch), dtype=torch.bool)
        outputs = self._pipe.forward(features, **self._options)
        columns = {}
        for name in self._tasks:
            values = outputs[f"prediction_{name}"]
            if self._tasks[name].reads_words:
                columns[name] = self._entities(name, values, encodings[""], batch, rows)
            else:
                columns[name] = values.tolist()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _padded(self, name: str, lists: Sequence[Sequence[int]]) -> Tensor:
        """Return a table (B, L) of lists of ids, a mask or types."""
        tokenizer = self._pipe.tokenizer
        value = tokenizer.pad_token_id if name == "input_ids" else 0
        length = max(map(len, lists))
        on_right = tokenizer.padding_side == "right"
        rows = []
        for each in lists:
            padding = [value] * (length - len(each))
            rows.append([*each, *padding] if on_right else [*padding, *each])
        return torch.tensor(rows)

    def _entities(
        self,
        name: str,
        values: Tensor,
        encoded: Any,
        batch: Sequence[int],
        rows: Sequence[Mapping[str, str]],
    ) -> list[list[dict[str, Any]]]:
        """Return the words of each text with their tags, from class scores (B, L, C)."""
        on_right = self._pipe.tokenizer.padding_side == "right"
        found = []
        for scores, row in zip(values, batch, strict=True):
            spans = encoded["offset_mapping"][row]
            words = [-1 if word is None else word for word in encoded.word_ids(row)]
            own = scores[: len(spans)] if on_right else scores[len(scores) - len(spans) :]
            labels = self._tasks[name].labels
            found.append(word_entities(own, spans, words, rows[row]["text"], labels))
        return found


def _is_truncated(encoded: Any, row: int) -> bool:
    # Only fast tokenizers tell.
    return bool(encoded.encodings and encoded.encodings[row].overflowing)
