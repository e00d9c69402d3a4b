"""Parsed lines of a log, and the arrays of a window that are made from them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trainer.monitoring.answers import NUMBERS, Answers, Floats, TaskKind
from trainer.monitoring.reference import MAX_VECTORS

NAN = float("nan")
# Texts, or both texts of pairs, N -> vectors (N, H).
Embed = Callable[[Sequence[tuple[str, ...]]], Floats]


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """A logged answer.

    Attributes:
        time: in seconds.
        task: the task's name.
        labels: the predicted labels; empty for scores.
        score: of a task of scores, or NaN.
        confidence: of the label, or NaN.
        tokens: of the text, or NaN.
        unknown: share of unknown tokens, or NaN.
        truncated: whether the text was truncated.
        id: of the answer, for feedback; empty without.
        groups: column -> value.
        texts: the text, or both texts of a pair; empty if they are not logged.
    """

    time: float
    task: str
    labels: tuple[str, ...]
    score: float = NAN
    confidence: float = NAN
    tokens: float = NAN
    unknown: float = NAN
    truncated: bool = False
    id: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedbackRecord:
    """Logged feedback on an answer.

    Attributes:
        time: in seconds.
        task: the task's name.
        id: of the answer.
        label: the correct labels, sorted, or the score.
    """

    time: float
    task: str
    id: str
    label: tuple[str, ...] | float


class AnswerBuffer:
    """Collects the answers of a task in a window.

    Args:
        kind: what the task's answers are.
        seed: of the choice of texts.

    Attributes:
        texts: a random sample of the logged texts, at most `MAX_VECTORS`.
    """

    def __init__(self, kind: TaskKind, seed: int):
        self._kind = kind
        self._positions = {label: index for index, label in enumerate(kind.labels)}
        self._hits: list[list[int]] = []
        self._numbers: dict[str, list[float]] = {name: [] for name in NUMBERS}
        self._truncated: list[bool] = []
        self._groups: dict[str, dict[int, str]] = {}
        self.texts: list[tuple[str, ...]] = []
        self._seen_texts = 0
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self._truncated)

    def add(self, record: AnswerRecord) -> None:
        """Add an answer, whose labels are those of the task."""
        row = len(self)
        self._hits.append([self._positions[label] for label in record.labels])
        for name, values in self._numbers.items():
            values.append(getattr(record, name))
        self._truncated.append(record.truncated)
        for column, value in record.groups.items():
            self._groups.setdefault(column, {})[row] = value
        if record.texts:
            self._add_texts(record.texts)

    def _add_texts(self, texts: tuple[str, ...]) -> None:
        """Keep a random sample (reservoir sampling)."""
        self._seen_texts += 1
        if len(self.texts) < MAX_VECTORS:
            self.texts.append(texts)
            return
        place = int(self._random.integers(self._seen_texts))
        if place < MAX_VECTORS:
            self.texts[place] = texts

    def to_answers(self, vectors: Floats | None = None) -> Answers:
        """Return the answers as arrays.

        Args:
            vectors: of the sampled texts, (K, H); None without.
        """
        n = len(self)
        hits = np.zeros((n, len(self._kind.labels)), dtype=bool)
        for row, columns in enumerate(self._hits):
            hits[row, columns] = True
        groups = {
            column: np.array([values.get(row, "") for row in range(n)])
            for column, values in self._groups.items()
        }
        return Answers(
            hits,
            {name: np.array(values, dtype=float) for name, values in self._numbers.items()},
            np.array(self._truncated, dtype=bool),
            groups,
            vectors,
        )
