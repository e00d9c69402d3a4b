"""The log of a model's answers: one JSON object per line, without texts unless asked for.

An answer:

    {"event": "answer", "id": "6f1c...", "time": "2026-03-01T12:00:00.123+00:00",
     "task": "sentiment", "label": "positive", "score": 0.93, "confidence": 0.93, "tokens": 12,
     "truncated": false, "unknown": 0.0, "version": "sha256:0123456789abcdef"}

A correction of an answer, with the same `id` and `task`:

    {"event": "feedback", "id": "6f1c...", "time": "...", "task": "sentiment", "label": "negative",
     "version": "..."}

Fields of an answer:

    id          of the answered text or pair; the answers of several tasks to one text share it
    time        ISO 8601, UTC
    label       name of the class; a list of names for several labels and
                for tags, null for a score
    score       the score on the task's scale, or the probability of `label`; null for several
                labels and for tags
    confidence  the probability of the label, or the lowest probability of the labels; null for
                scores and for no label
    tokens      number of tokens that the model read, special ones included; of both texts of a pair
    truncated   whether more tokens were given than read
    unknown     share of the tokens that are the tokenizer's unknown token, special ones left out
    version     of the model: a Hub commit, or a fingerprint of the weights
    text, text_pair  only where the log was opened for texts
"""

import json
import math
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from trainer.errors import InputError

ANSWER, FEEDBACK = "answer", "feedback"
# Field -> the types of its values.
_COMMON: dict[str, tuple[type, ...]] = {
    "event": (str,),
    "id": (str,),
    "time": (str,),
    "task": (str,),
    "version": (str,),
}
FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    ANSWER: {
        **_COMMON,
        "label": (str, list, type(None)),
        "score": (float, int, type(None)),
        "confidence": (float, int, type(None)),
        "tokens": (int,),
        "truncated": (bool,),
        "unknown": (float, int),
    },
    FEEDBACK: {**_COMMON, "label": (str, list, float, int)},
}
TEXTS = ("text", "text_pair")


def new_id() -> str:
    """Return an identifier for an answered text, of 32 hexadecimal digits."""
    return uuid.uuid4().hex


def answer_record(
    answer_id: str,
    task: str,
    prediction: Any,
    *,
    tokens: int,
    truncated: bool,
    unknown: float,
    version: str,
    texts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the record of an answer.

    Args:
        answer_id: from `new_id`.
        task: the task's name.
        prediction: the pipeline's output for the task, of one text or pair.
        tokens: the number of tokens read.
        truncated: whether more were given.
        unknown: the share of unknown tokens, from 0 to 1.
        version: of the model.
        texts: `text` and, for pairs, `text_pair`, to be logged.
    """
    return {
        "event": ANSWER,
        "id": answer_id,
        "time": _now(),
        "task": task,
        **_result(prediction),
        "tokens": tokens,
        "truncated": truncated,
        "unknown": round(unknown, 4),
        "version": version,
        **(texts or {}),
    }


def feedback_record(answer_id: str, task: str, label: Any, version: str) -> dict[str, Any]:
    """Return the record of the right label, list of labels or score of an earlier answer."""
    return {
        "event": FEEDBACK,
        "id": answer_id,
        "time": _now(),
        "task": task,
        "label": label,
        "version": version,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _result(prediction: Any) -> dict[str, Any]:
    """Return the label, score and confidence of a prediction."""
    if isinstance(prediction, Mapping):
        score = _number(prediction["score"])
        if "label" not in prediction:
            return {"label": None, "score": score, "confidence": None}
        return {"label": prediction["label"], "score": score, "confidence": score}
    names = [entry.get("label", entry.get("entity")) for entry in prediction]
    scores = [_number(entry["score"]) for entry in prediction]
    known = [score for score in scores if score is not None]
    return {"label": names, "score": None, "confidence": min(known, default=None)}


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def parse_line(line: str | bytes) -> dict[str, Any]:
    """Return the record of a line.

    Raises:
        ValueError: naming the field that is missing or of a wrong type.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from error
    event = record.get("event") if isinstance(record, dict) else None
    if not isinstance(event, str) or event not in FIELDS:
        raise ValueError(f"is not an object whose 'event' is one of {', '.join(FIELDS)}")
    for name, kinds in FIELDS[event].items():
        value = record.get(name, ...)
        wrong_bool = isinstance(value, bool) and bool not in kinds
        if not isinstance(value, kinds) or wrong_bool:
            raise ValueError(f"has no valid '{name}'")
    try:
        record["time"] = datetime.fromisoformat(record["time"]).astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"has no valid 'time': {error}") from error
    return record


class AnswerLog:
    """A file that records are appended to, line by line, from any thread.

    The records of one call are written at once, so that a killed process leaves at most one
    incomplete line, the last; it is ended when the file is opened again. Several processes may
    append to one file.

    Args:
        path: the file.
        texts: whether the answered texts are logged; the caller leaves them out otherwise.

    Raises:
        InputError: if the file cannot be opened.
    """

    def __init__(self, path: Path, *, texts: bool = False):
        self.path, self.texts = path, texts
        self._lock = Lock()
        # Whether the last line may be incomplete, after a full disk.
        self._is_broken = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Readable by its owner alone: it may hold texts.
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                os.write(self._file, b"\n")
        except OSError as error:
            raise InputError(f"log: '{path}' cannot be written: {error.strerror}") from error

    def write(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Append records.

        Raises:
            OSError: if they cannot be written, as on a full disk.
        """
        lines = [json.dumps(record, ensure_ascii=True, allow_nan=False) for record in records]
        rest = "".join(f"{line}\n" for line in lines).encode()
        with self._lock:
            if self._is_broken:
                rest = b"\n" + rest
            self._is_broken = True  # until all is written: a line may stay incomplete
            while rest:
                rest = rest[os.write(self._file, rest) :]
            self._is_broken = False

    def close(self) -> None:
        """Flush the file to disk and close it."""
        with self._lock:
            os.fsync(self._file)
            os.close(self._file)


def unknown_share(ids: Sequence[int], unknown_id: int | None, special: frozenset[int]) -> float:
    """Return the share of unknown tokens, 0 if there are only special ones.

    Args:
        ids: of the tokens of a text, or of both texts of a pair.
        unknown_id: the tokenizer's; None if it has none.
        special: ids of the special tokens, among which the unknown token does not count.
    """
    content = [i for i in ids if i == unknown_id or i not in special]
    if unknown_id is None or not content:
        return 0.0
    return content.count(unknown_id) / len(content)
