"""Training rows and evaluation rows from the feedback of a page or a server."""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainer.errors import InputError
from trainer.monitoring.log_lines import LogFile
from trainer.prediction.answer_log import ANSWER, FEEDBACK, parse_line
from trainer.saving.files import atomic_dir, write_json

TRAIN, EVALUATION = "train.jsonl", "validation.jsonl"
# The list of the tasks whose folders this module wrote, and may replace.
MARK = "collected.json"
NO_TEXT = "feedback without its text: log with --log_texts"
BAD = "lines skipped: no feedback"
BAD_ROW = "rows left out: a text, label or task that no row can have"
TOO_LONG = "lines skipped: longer than a megabyte"
REPLACED = "replaced by later feedback on the same text"
_SIDES = ("text", "text_pair")
_TASK = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")  # as in configurations
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
    _times: dict[tuple[str, Texts], str] = field(default_factory=dict)

    def add(self, task: str, fields: Mapping[str, Any], label: Any, time: str) -> None:
        """Add a row, or keep the later one of those with the same texts.

        Args:
            task: its name, which becomes that of a folder.
            fields: of a line, with the texts.
            label: given to them.
            time: at which it was given, ISO 8601 in UTC; of equal ones, the last call counts.
        """
        texts = _texts(fields)
        if not (_TASK.fullmatch(task) and texts and _is_label(label)):
            self.counts[BAD_ROW] += 1
            return
        rows = self.rows.setdefault(task, {})
        if texts in rows:
            self.counts[REPLACED] += 1
            if time < self._times[task, texts]:
                return
        self._times[task, texts] = time
        sides = {side: fields[side] for side in _SIDES if fields.get(side) is not None}
        rows[texts] = {**sides, "label": label}


def collect(sources: Sequence[Path]) -> Collected:
    """Collect feedback, the later of two on the same texts.

    Args:
        sources: folders of a page's feedback, or answer logs with texts. The feedback of one log
            may be about answers of another, as when logs are rotated.

    Raises:
        InputError: if one cannot be read.
    """
    found = Collected()
    logs = []
    for source in sources:
        if not source.is_dir():
            logs.append(source)
            continue
        paths = sorted(source.glob("*/*.jsonl"))
        if not paths:
            raise InputError(f"'{source}' has no feedback: there is no TASK/*.jsonl")
        for path in paths:
            _collect_page(path, found)
    _collect_logs(logs, found)
    return found


def _collect_page(path: Path, found: Collected) -> None:
    for line in _whole_lines(path, found.counts):
        try:
            row = json.loads(line)
            label, time = row["label"], _utc(row.get("time"))
        except (ValueError, RecursionError, AttributeError, TypeError, KeyError):
            found.counts[BAD] += 1
            continue
        found.add(path.parent.name, row, label, time)


def _collect_logs(paths: Sequence[Path], found: Collected) -> None:
    """Collect the feedback of logs, read twice: only texts with feedback are kept in memory."""
    labels: dict[tuple[str, str], tuple[str, Any]] = {}
    for fields in _records(paths, found.counts):
        key = fields["task"], fields["id"]
        if fields["event"] == FEEDBACK and fields["time"] >= labels.get(key, ("",))[0]:
            labels[key] = fields["time"], fields["label"]
    for fields in _records(paths, Counter()):
        key = fields["task"], fields["id"]
        if fields["event"] == ANSWER and key in labels and fields.get("text") is not None:
            time, label = labels.pop(key)
            found.add(fields["task"], fields, label, time)
    if labels:
        found.counts[NO_TEXT] += len(labels)


def _records(paths: Sequence[Path], counts: Counter[str]) -> Iterator[dict[str, Any]]:
    for path in paths:
        for line in _whole_lines(path, counts):
            try:
                yield parse_line(line)
            except ValueError:
                counts[BAD] += 1


def _whole_lines(path: Path, counts: Counter[str]) -> Iterator[bytes]:
    """Yield a file's lines, also a last one that does not end."""
    file = LogFile(path)
    yield from file.read()
    if file.incomplete_line.strip():
        yield file.incomplete_line
    if file.too_long:
        counts[TOO_LONG] += file.too_long


def _utc(time: Any) -> str:
    """Return a time in the form of the logs; the earliest if there is none."""
    return "" if time is None else datetime.fromisoformat(time).astimezone(UTC).isoformat()


def _texts(row: Mapping[str, Any]) -> Texts:
    """Return the text, or both texts of a pair; of split words, these with spaces; else nothing."""
    joined = []
    for given in (row[side] for side in _SIDES if row.get(side) is not None):
        words = given if isinstance(given, list) else [given]
        if not words or not all(isinstance(word, str) and word.strip() for word in words):
            return ()
        joined.append(" ".join(words))
    return tuple(joined) if row.get("text") is not None and _is_utf8(*joined) else ()


def _is_label(label: Any) -> bool:
    """Return whether this is a name, several names, or a finite number."""
    if isinstance(label, list):
        return all(isinstance(name, str) and _is_label(name) for name in label)
    if isinstance(label, str):
        return bool(label.strip()) and _is_utf8(label)
    return isinstance(label, int | float) and not isinstance(label, bool) and math.isfinite(label)


def _is_utf8(*texts: str) -> bool:
    """Return whether texts can be written: a lone surrogate cannot."""
    return not any("\ud800" <= c <= "\udfff" for text in texts for c in text)


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
        InputError: if a task's folder was not written by this function, or cannot be written.
    """
    before = _tasks_written(folder)
    for task in found.rows:
        if task not in before and (folder / task).exists():
            raise InputError(
                f"output_dir: '{folder / task}' exists, and is not of collected feedback; choose "
                "another folder"
            )
    folder.mkdir(parents=True, exist_ok=True)
    # First, so that a command that was killed can be repeated.
    write_json(folder / MARK, sorted({*before, *found.rows}))
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


def _tasks_written(folder: Path) -> list[str]:
    try:
        return json.loads((folder / MARK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise InputError(f"output_dir: '{folder / MARK}' is damaged: {error}") from error


def _position(texts: Texts) -> float:
    """Return a number from 0 to 1 that depends on the first text alone."""
    digest = hashlib.sha256(texts[0].encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
