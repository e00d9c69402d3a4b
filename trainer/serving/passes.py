"""Passes of a model: predictions and sentence vectors of a batch of rows from several requests."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.pipelines.base import pad_collate_fn
from transformers.pipelines.pt_utils import PipelineIterator
from transformers.utils import ModelOutput

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.prediction.answer_log import unknown_share

# Prefixes of a row's inputs, and those of tasks that read a pair together where others do not.
_PREFIXES, _CROSS = ("", "pair_", "cross_"), ("cross_",)


@dataclass(frozen=True)
class Row:
    """A text or pair of a request.

    Attributes:
        texts: `text` and, for pairs, `text_pair`.
        task: the task to predict; None for all that support the row.
        options: of the prediction, such as `top_k`.
        embed: return the sentence vector of the text instead.
    """

    texts: Mapping[str, str]
    task: str | None = None
    options: Mapping[str, Any] | None = None
    embed: bool = False

    @property
    def length(self) -> int:
        """Return the number of characters of the longer text."""
        return max(map(len, self.texts.values()))


@dataclass(frozen=True)
class Answer:
    """The answer to a row.

    Attributes:
        result: task -> the pipeline's output with the row's options, or the vector (H,).
        defaults: task -> the output without options.
        tokens: the number of tokens read.
        truncated: whether more were given.
        unknown: the share of unknown tokens.
        own: task -> its `tokens`, `truncated` and `unknown`, where tasks read a pair differently.
    """

    result: Any
    defaults: Mapping[str, Any]
    tokens: int
    truncated: bool
    unknown: float
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class ModelPasses:
    """Run batches of rows; for one thread at a time.

    Args:
        pipe: the model's pipeline.
    """

    def __init__(self, pipe: HybridMTLPipeline):
        self._pipe = pipe
        config = pipe.model.config
        self._collate = pad_collate_fn(pipe.tokenizer, None)
        self._special = frozenset(pipe.tokenizer.all_special_ids)
        # Tasks that share one pass of the encoder: then rows of different tasks share a batch.
        encodings = {
            kind: {e["pair_encoding"] for e in config.tasks.values() if e["input"] == kind}
            for kind in ("single", "pair")
        }
        self._shared = {
            kind: len(found) == 1 and not config.adapters for kind, found in encodings.items()
        }

    def key(self, row: Row) -> Hashable:
        """Return the same value for rows that may share a batch."""
        if row.embed:
            return "embed"
        kind = "pair" if "text_pair" in row.texts else "single"
        return kind, None if self._shared[kind] else row.task

    def run(self, rows: Sequence[Row]) -> list[Answer]:
        """Return the answers to rows with the same key."""
        if rows[0].embed:
            return self._embed([row.texts["text"] for row in rows])
        tasks = {row.task for row in rows}
        return self._predict(rows, tasks.pop() if len(tasks) == 1 else None)

    def _predict(self, rows: Sequence[Row], task: str | None) -> list[Answer]:
        """Predict a task, or all, with the pipeline's own steps."""
        pipe = self._pipe
        items = [pipe.preprocess(dict(row.texts), task=task) for row in rows]
        # The passes consume the inputs.
        facts = [self._facts(item) for item in items]
        options = {} if task is None else {"task": task}
        if len(items) == 1:
            outputs = [pipe.forward(items[0], **options)]
        else:
            batch = [self._collate(items)]
            outputs = list(PipelineIterator(batch, pipe.forward, options, len(items)))
        return [
            self._answer(output, row, task, fact)
            for output, row, fact in zip(outputs, rows, facts, strict=True)
        ]

    def _answer(
        self, output: ModelOutput, row: Row, task: str | None, facts: dict[str, Any]
    ) -> Answer:
        """Return the answer to a row from the outputs of `task`, or of all tasks."""
        if row.task is not None and task is None:
            other = [n for n in output if n.startswith("prediction_")]
            kept = {n: output[n] for n in output if n not in other}
            output = ModelOutput(
                {**kept, f"prediction_{row.task}": output[f"prediction_{row.task}"]}
            )
        result = default = self._by_task(self._pipe.postprocess(output), task)
        if row.options:
            result = self._by_task(self._pipe.postprocess(output, **row.options), task)
        return Answer(result, default, **facts)

    def _by_task(self, prediction: Any, task: str | None) -> dict[str, Any]:
        return prediction if task is None else {task: prediction}

    def _facts(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is read of a row, in all and by tasks that read it differently."""
        facts = self._facts_of(item, _PREFIXES)
        if "cross_input_ids" not in item:
            return facts
        joint, apart = self._facts_of(item, _CROSS), self._facts_of(item, _PREFIXES[:2])
        tasks = self._pipe.model.config.tasks.items()
        is_joint = {name: entry["pair_encoding"] == "cross" for name, entry in tasks}
        return {**facts, "own": {name: joint if is_joint[name] else apart for name in is_joint}}

    def _facts_of(self, item: Mapping[str, Any], prefixes: Sequence[str]) -> dict[str, Any]:
        ids = [i for p in prefixes for i in _first(item, f"{p}input_ids")]
        return {
            "tokens": len(ids),
            "truncated": any(_first(item, f"{p}truncated") for p in prefixes),
            "unknown": unknown_share(ids, self._pipe.tokenizer.unk_token_id, self._special),
        }

    @torch.inference_mode()
    def _embed(self, texts: list[str]) -> list[Answer]:
        pipe = self._pipe
        encoded = pipe.tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=pipe._limit(None),
            return_tensors="pt",
        )
        vectors = pipe.model(**encoded.to(pipe.model.device)).embeddings.float().cpu()
        truncated = [bool(part.overflowing) for part in encoded.encodings]
        tokens = [sum(part.attention_mask) for part in encoded.encodings]
        return [
            Answer(vector, {}, count, cut, 0.0)
            for vector, count, cut in zip(vectors.numpy(), tokens, truncated, strict=True)
        ]


def _first(item: Mapping[str, Any], name: str) -> Any:
    """Return the only row of an input; nothing if the item has none of this name."""
    return item[name][0].tolist() if name in item else []
