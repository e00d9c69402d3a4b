"""Texts that stand on both sides of a division into training and evaluation rows."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from datasets import Dataset


@dataclass(frozen=True)
class Overlap:
    """Counts of the rows that training and evaluation share.

    Attributes:
        same: evaluation rows whose texts are also those of a training row, in any order.
        evaluation: evaluation rows with a text of a training row, of `evaluation_rows`.
        train: training rows with a text of an evaluation row, of `train_rows`.
    """

    same: int
    evaluation: int
    evaluation_rows: int
    train: int
    train_rows: int

    def describe(self, part: str) -> str:
        """Describe the counts in a sentence.

        Args:
            part: the evaluation rows' split, `validation` or `test`.
        """
        return (
            f"{self.evaluation} of {self.evaluation_rows} {part} rows "
            f"({self.evaluation / self.evaluation_rows:.1%}) share a text with a training row, and "
            f"{self.same} have the same texts as one; {self.train} of {self.train_rows} training "
            f"rows ({self.train / self.train_rows:.1%}) share a text with a {part} row"
        )


def find_overlap(train: Dataset, evaluation: Dataset) -> Overlap | None:
    """Count the rows with a common text; return None if there are none.

    Args:
        train: the training rows, checked and not augmented.
        evaluation: the validation or test rows.
    """
    ours, theirs = row_texts(train), row_texts(evaluation)
    common = _texts(ours) & _texts(theirs)
    if not common:
        return None
    known = {frozenset(texts) for texts in ours}
    return Overlap(
        same=sum(frozenset(texts) in known for texts in theirs),
        evaluation=_count(theirs, common),
        evaluation_rows=len(theirs),
        train=_count(ours, common),
        train_rows=len(ours),
    )


def row_texts(rows: Dataset) -> list[tuple[str, ...]]:
    """Return each row's texts, without regard to letter case and runs of white space."""
    sides = [rows[side][:] for side in ("text", "text_pair") if side in rows.column_names]
    return [tuple(map(_plain, texts)) for texts in zip(*sides, strict=True)]


def _plain(text: Any) -> str:
    words = text.split() if isinstance(text, str) else text
    return " ".join(words).casefold()


def _texts(rows: Collection[tuple[str, ...]]) -> set[str]:
    return {text for texts in rows for text in texts}


def _count(rows: Collection[tuple[str, ...]], common: Collection[str]) -> int:
    return sum(any(text in common for text in texts) for texts in rows)
