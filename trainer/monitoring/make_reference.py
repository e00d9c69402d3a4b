"""Makes the reference of a model from its answers to labeled rows."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modeling_hybrid_mtl import HybridMTLPipeline, TaskConfig
from trainer.monitoring.answers import Answers, Floats, TaskKind
from trainer.monitoring.log_reader import to_answer_record
from trainer.monitoring.records import AnswerBuffer, Embed
from trainer.monitoring.reference import Rates, Reference, TaskReference, rates_of
from trainer.prediction.answer_recorder import AnswerRecorder, default_output

# Rows of a task that its reference is made from, drawn at random.
MAX_ROWS = 1000
# Fewer rows are no group.
MIN_GROUP = 30
_SEED = 20_140_504


@dataclass(frozen=True)
class ReferenceRows:
    """The rows of a task.

    Attributes:
        texts: `text` and, for pairs, `text_pair` of each row.
        labels: the names of each row's labels, None for a row without; empty for scores and tags.
        groups: column -> the value of each row.
    """

    texts: Sequence[Mapping[str, str]]
    labels: Sequence[frozenset[str] | None] = ()
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def sample(self) -> "ReferenceRows":
        """Return at most `MAX_ROWS` of the rows, in their order."""
        random = np.random.default_rng(_SEED)
        chosen = np.sort(random.permutation(len(self.texts))[:MAX_ROWS]).tolist()
        return ReferenceRows(
            [self.texts[row] for row in chosen],
            [self.labels[row] for row in chosen] if self.labels else (),
            {name: [values[row] for row in chosen] for name, values in self.groups.items()},
        )


def label_names(cell: Any, task: TaskConfig) -> frozenset[str] | None:
    """Return the names of a checked row's labels, of soft ones the most probable.

    Args:
        cell: a class index, probabilities, or a multi-hot list; None without a label.
        task: the task.
    """
    names = task.labels or []
    if cell is None or task.output_type not in ("class", "labels"):
        return None
    if task.output_type == "labels":
        return frozenset(name for name, is_on in zip(names, cell, strict=True) if is_on == 1)
    return frozenset([names[int(np.argmax(cell)) if np.ndim(cell) else int(cell)]])


def kind_of(task: TaskConfig) -> TaskKind:
    """Return what the answers of a task are."""
    return TaskKind(tuple(task.labels or ()), task.output_type == "class")


def embedder(pipe: HybridMTLPipeline, batch_size: int) -> Embed:
    """Return a function that returns the vectors of texts, of a pair the mean of both."""

    def embed(rows: Sequence[tuple[str, ...]]) -> Floats:
        texts = [text for row in rows for text in row]
        pipe.model.tokenizer = pipe.tokenizer
        vectors = pipe.model.encode(texts, batch_size=batch_size)
        ends = np.cumsum([len(row) for row in rows])[:-1]
        return np.stack([part.mean(axis=0) for part in np.split(vectors, ends)]).astype(float)

    return embed


def make_reference(
    pipe: HybridMTLPipeline,
    rows: Mapping[str, ReferenceRows],
    version: str,
    *,
    batch_size: int,
    on_task: Callable[[str, int], Any] = lambda name, count: None,
) -> Reference:
    """Return the reference of a model.

    Args:
        pipe: the model's pipeline.
        rows: task -> rows, of which at most `MAX_ROWS` are predicted.
        version: of the model.
        batch_size: rows per pass.
        on_task: called with each task and the number of its rows before they are predicted.
    """
    recorder = AnswerRecorder(pipe.tokenizer, pipe.model.config, version)
    tasks = {}
    for name, all_rows in rows.items():
        part = all_rows.sample()
        if part.texts:
            on_task(name, len(part.texts))
            tasks[name] = _task_reference(pipe, recorder, name, part, batch_size)
    return Reference(version, tasks)


def _task_reference(
    pipe: HybridMTLPipeline,
    recorder: AnswerRecorder,
    name: str,
    rows: ReferenceRows,
    batch_size: int,
) -> TaskReference:
    task = pipe.model.config.task(name)
    kind = kind_of(task)
    buffer = AnswerBuffer(kind, _SEED)
    predictions = pipe.predict_rows(
        list(rows.texts), task=name, batch_size=batch_size, return_all_scores=True
    )
    right = []
    for index, (row, prediction) in enumerate(zip(rows.texts, predictions, strict=True)):
        groups = {column: values[index] for column, values in rows.groups.items()}
        output = {name: default_output(task, prediction)}
        (fields,) = recorder.record(row, output, with_texts=True, groups=groups)
        record = to_answer_record(fields, time.time(), kind)
        buffer.add(record)
        label = rows.labels[index] if rows.labels else None
        right.append(np.nan if label is None else frozenset(record.labels) == label)
    vectors = embedder(pipe, batch_size)(buffer.texts) if len(buffer.texts) > 1 else None
    answers, hits = buffer.to_answers(), np.array(right, dtype=float)
    return TaskReference(kind, _rates(answers, hits), _groups(answers, hits), vectors)


def _groups(answers: Answers, right: Floats) -> dict[tuple[str, str], Rates]:
    groups = {}
    for column, values in answers.groups.items():
        for value in map(str, np.unique(values[values != ""])):
            members = values == value
            if members.sum() >= MIN_GROUP:
                groups[column, value] = _rates(answers.select(members), right[members])
    return groups


def _rates(answers: Answers, right: Floats) -> Rates:
    """Return the rates of answers; `right` is 1, 0, or NaN for a row without a label, (N,)."""
    labeled = right[~np.isnan(right)]
    return rates_of(answers, int(labeled.sum()), len(labeled))
