"""Training rows and evaluation rows from the feedback of a page or a server."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.errors import InputError
from trainer.monitoring.log_lines import LogFile
from trainer.prediction.answer_log import ANSWER, FEEDBACK, parse_line
from trainer.saving.files import atomic_dir

TRAIN, EVALUATION = "train.jsonl", "validation.jsonl"
NO_TEXT = "feedback without its text: log with --log_texts"
BAD = "lines skipped: no feedback"
REPLACED = "replaced by later feedback on the same text"
_SIDES = ("text", "text_pair")
Texts = tuple[str, ...]


@dataclass
class Collected:
    """The rows of feedback.

    Attributes:
        rows: task -> texts -> the row with the last label given to them.
        counts: counts what was left out, by reason.
    """

    rows: dict[str, dict[Texts, dict[str, Any]]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, task: str, fields: Mapping[str, Any], label: Any) -> None:
        """Add a row, or replace the one with the same texts, which are not empty."""
        rows, texts = self.rows.setdefault(task, {}), _texts(fields)
        if texts in rows:
            self.counts[REPLACED] += 1
        sides = {side: fields[side] for side in _SIDES if fields.get(side) is not None}
        rows[texts] = {**sides, "label": label}


def collect(sources: Sequence[Path]) -> Collected:
    """Collect feedback, the later of two on the same texts.

    Args:
        sources: folders of a page's feedback, or answer logs with texts.

    Raises:
        InputError: if one cannot be read.
    """
    found = Collected()
    for source in sources:
        if source.is_dir():
            paths = sorted(source.glob("*/*.jsonl"))
            if not paths:
                raise InputError(f"'{source}' has no feedback: there is no TASK/*.jsonl")
            for path in paths:
                _collect_page(path, found)
        else:
            _collect_log(source, found)
    return found


def _collect_page(path: Path, found: Collected) -> None:
    for line in LogFile(path).read():
        try:
            row = json.loads(line)
            if not _texts(row) or "label" not in row:
                raise ValueError("is no row")
        except (ValueError, RecursionError, AttributeError):
            found.counts[BAD] += 1
            continue
        found.add(path.parent.name, row, row["label"])


def _collect_log(path: Path, found: Collected) -> None:
    """Collect the feedback of a log, read twice: only texts with feedback are kept in memory."""
    labels: dict[tuple[str, str], Any] = {}
    for fields in _lines(path, found.counts):
        if fields["event"] == FEEDBACK:
            labels[fields["task"], fields["id"]] = fields["label"]
    for fields in _lines(path, Counter()):
        key = fields["task"], fields["id"]
        if fields["event"] == ANSWER and key in labels and _texts(fields):
            found.add(fields["task"], fields, labels.pop(key))
    if labels:
        found.counts[NO_TEXT] += len(labels)


def _lines(path: Path, counts: Counter[str]) -> Iterator[dict[str, Any]]:
    for line in LogFile(path).read():
        try:
            yield parse_line(line)
        except ValueError:
            counts[BAD] += 1


def _texts(row: Mapping[str, Any]) -> Texts:
    """Return the text, or both texts of a pair; of split words, these with spaces."""
    texts = [row[side] for side in _SIDES if row.get(side) is not None]
    joined = [" ".join(each) if isinstance(each, list) else each for each in texts]
    return tuple(joined) if all(isinstance(each, str) for each in joined) else ()


def write_rows(found: Collected, folder: Path, share: float) -> dict[str, tuple[int, int]]:
    """Write the rows of each task to `TASK/train.jsonl` and `TASK/validation.jsonl`.

    A text is always in the same of the two, whatever else is collected, so that no text on which a
    model was trained is in a later evaluation set.

    Args:
        found: the rows.
        folder: of the tasks' folders.
        share: of the rows for evaluation, from 0 to 1.

    Returns:
        Task -> the numbers of training rows and evaluation rows.

    Raises:
        InputError: if they cannot be written.
    """
    counts = {}
    for task, rows in found.rows.items():
        parts: dict[str, list[str]] = {TRAIN: [], EVALUATION: []}
        for texts, row in rows.items():
            name = EVALUATION if _position(texts) < share else TRAIN
            parts[name].append(json.dumps(row, ensure_ascii=False))
        with atomic_dir(folder / task) as staged:
            for name, lines in parts.items():
                (staged / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        counts[task] = len(parts[TRAIN]), len(parts[EVALUATION])
    return counts


def _position(texts: Texts) -> float:
    """Return a number from 0 to 1 that depends on the first text alone."""
    digest = hashlib.sha256(texts[0].encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
