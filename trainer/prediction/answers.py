"""The columns of a task's predictions, by its output type."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Protocol

import pyarrow as pa

from modeling_hybrid_mtl import TaskConfig


class Answer(Protocol):
    """The columns of a task's predictions.

    Attributes:
        types: name -> type.
    """

    types: Mapping[str, pa.DataType]

    def cells(self, scores: Any, words: Sequence[str] | None) -> dict[str, Any]:
        """Return the cells of a row.

        Args:
            scores: probabilities of the classes, the score, or the entities of a text's words.
            words: the words of a text that was given as such.
        """


class ClassAnswer:
    """The name, index and probability of the best class, or the probabilities of all classes.

    `needs_review` is whether that probability is below the task's `min_score`, if it has one.
    """

    def __init__(self, task: TaskConfig, probabilities: bool):
        self.types = {"label": pa.string(), "index": pa.int64(), "score": pa.float64()}
        self._names = task.labels or []
        self._min_score = task.min_score
        if task.min_score is not None:
            self.types["needs_review"] = pa.bool_()
        self._columns = [f"probability_{label}" for label in self._names] if probabilities else []
        self.types.update(dict.fromkeys(self._columns, pa.float64()))

    def cells(self, scores: list[float], words: Any) -> dict[str, Any]:
        best = scores.index(max(scores))
        cells = {"label": self._names[best], "index": best, "score": scores[best]}
        if self._min_score is not None:
            cells["needs_review"] = scores[best] < self._min_score
        return cells | dict(zip(self._columns, scores, strict=False))


class LabelsAnswer:
    """Lists of the names, indices and probabilities of the classes from their thresholds on."""

    def __init__(self, task: TaskConfig, probabilities: bool):
        self.types = {
            "label": pa.list_(pa.string()),
            "index": pa.list_(pa.int64()),
            "score": pa.list_(pa.float64()),
        }
        self._names = task.labels or []
        self._thresholds = task.thresholds or [0.5] * len(self._names)
        self._columns = [f"probability_{label}" for label in self._names] if probabilities else []
        self.types.update(dict.fromkeys(self._columns, pa.float64()))

    def cells(self, scores: list[float], words: Any) -> dict[str, Any]:
        chosen = [i for i, score in enumerate(scores) if score >= self._thresholds[i]]
        return {
            "label": [self._names[i] for i in chosen],
            "index": chosen,
            "score": [scores[i] for i in chosen],
            **dict(zip(self._columns, scores, strict=False)),
        }


class ScoreAnswer:
    """A score on the task's scale."""

    def __init__(self, task: TaskConfig, probabilities: bool):
        self.types = {"score": pa.float64()}

    def cells(self, scores: float, words: Any) -> dict[str, Any]:
        return {"score": scores}


class TagAnswer:
    """Lists of words, with the name, index and probability of each word's tag.

    The words are those given, or else the tokenizer's. A given word beyond the model's maximum
    length has no tag.
    """

    def __init__(self, task: TaskConfig, probabilities: bool):
        kinds = {"word": pa.string(), "label": pa.string(), "index": pa.int64()}
        self.types = {name: pa.list_(kind) for name, kind in kinds.items()}
        self.types["score"] = pa.list_(pa.float64())
        self._indices = {label: i for i, label in enumerate(task.labels or [])}

    def cells(self, scores: list[dict[str, Any]], words: Sequence[str] | None) -> dict[str, Any]:
        entities: list[dict[str, Any]] = scores
        if words is not None:
            entities = [entity or {} for entity in align_words(words, scores)]
        labels = [entity.get("entity") for entity in entities]
        return {
            "word": [entity["word"] for entity in scores] if words is None else list(words),
            "label": labels,
            "index": [None if label is None else self._indices[label] for label in labels],
            "score": [entity.get("score") for entity in entities],
        }


def align_words(
    words: Sequence[str], entities: Sequence[dict[str, Any]]
) -> list[dict[str, Any] | None]:
    """Return the first entity in each word of a text, whose words are separated by one space."""
    ends = list(accumulate(len(word) + 1 for word in words))
    first: dict[int, dict[str, Any]] = {}
    for entity in entities:
        # By its last character: some tokenizers include the space before a word.
        first.setdefault(bisect_right(ends, entity["end"] - 1), entity)
    return [first.get(index) for index in range(len(words))]


# Output type -> its columns.
ANSWERS: dict[str, Any] = {
    "class": ClassAnswer,
    "labels": LabelsAnswer,
    "score": ScoreAnswer,
    "tags": TagAnswer,
}


def create_answer(task: TaskConfig, probabilities: bool) -> Answer:
    """Return the columns of a task.

    Args:
        task: the task.
        probabilities: whether there is a column for each class.
    """
    return ANSWERS[task.output_type](task, probabilities)
