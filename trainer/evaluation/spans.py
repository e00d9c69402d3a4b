"""Spans of tags: entities of several words, and their F1."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.registry import METRICS

OUTSIDE = "O"

# A row's number, the first and last word, counted over all rows, and the type.
Span = tuple[int, int, int, str]


def has_spans(labels: Sequence[str] | None) -> bool:
    """Return whether labels mark spans: `O`, and `B-TYPE` or `I-TYPE` for all others."""
    others = [label for label in labels or () if label != OUTSIDE]
    return OUTSIDE in (labels or ()) and all(label[:2] in ("B-", "I-") for label in others)


def find_spans(tags: NDArray[np.int64], rows: NDArray, labels: Sequence[str]) -> set[Span]:
    """Return the spans of tags, as the CoNLL evaluation defines them.

    A span begins with `B-TYPE`, or with `I-TYPE` after a tag of no or another type, and goes on
    through the following `I-TYPE` of its row.

    Args:
        tags: class indices of the words of all rows, (N,).
        rows: the row of each word, (N,).
        labels: the names of the classes, for which `has_spans`.
    """
    types = np.array([label[2:] if label != OUTSIDE else "" for label in labels], dtype=object)
    inside = np.array([label != OUTSIDE for label in labels])
    begins = np.array([label.startswith("B-") for label in labels])
    # Whether a word belongs to the type of the word before it, in the same row.
    same = (types[tags[1:]] == types[tags[:-1]]) & inside[tags[1:]] & inside[tags[:-1]]
    continues = np.append(False, same & (rows[1:] == rows[:-1])) & ~begins[tags]
    first = np.flatnonzero(inside[tags] & ~continues)
    # A span ends before the next word that does not continue it.
    ends = np.append(np.flatnonzero(~continues), len(tags))
    last = ends[np.searchsorted(ends, first, side="right")] - 1
    return set(
        zip(rows[first].tolist(), first.tolist(), last.tolist(), types[tags[first]], strict=True)
    )


@METRICS.register("span_f1", reads_spans=True)
def _span_f1(predicted: set[Span], true: set[Span], num_labels: int) -> float:
    """Return the F1 of spans: right are those with the same words and type; 0 without any."""
    both = len(predicted) + len(true)
    return 2 * len(predicted & true) / both if both else 0.0


def span_counts(predicted: set[Span], true: set[Span], rows: NDArray) -> NDArray[np.float64]:
    """Return the numbers of right, predicted and true spans of each row in order, (R, 3).

    Args:
        predicted: the spans of predictions.
        true: the spans of labels.
        rows: the row of each word, (N,).
    """
    number = {row: i for i, row in enumerate(np.unique(rows).tolist())}
    counts = np.zeros((len(number), 3))
    for column, spans in enumerate((predicted & true, predicted, true)):
        for row, *_ in spans:
            counts[number[row], column] += 1
    return counts
