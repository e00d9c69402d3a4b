"""Corrected predictions, stored as rows of training data."""

import json
import os
import re
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huggingface_hub.utils import WeakFileLock

from .errors import UserError

LOCAL_FILE = "train.jsonl"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_FORMULA = re.compile(r"(?<!\w)[=+\-@]")


class Feedback:
    """A folder with a subfolder for each task, with a JSON line for each correction.

    A row has the columns of a task's training data (`text`, `text_pair` for pairs, `label`), and
    `prediction`, `task`, `model`, `revision` and `time` (UTC).

    Args:
        folder: the folder, created with the first row.
        model: the model's name.
        revision: its commit or fingerprint.
        file_name: the name of each task's file.
        lock: held while writing, in addition to a lock between processes.
        storage: the destination of the rows, as the page words it.
    """

    def __init__(
        self,
        folder: Path,
        model: str,
        revision: str,
        file_name: str = LOCAL_FILE,
        lock: AbstractContextManager[Any] | None = None,
        storage: str = "stored on the machine that runs this page",
    ):
        self.folder = folder
        self.storage = storage
        self._model, self._revision = model, revision
        self._file_name = file_name
        self._lock = lock or nullcontext()

    def add(self, task: str, row: dict[str, Any]) -> None:
        """Append a row to a task's file and flush it to disk.

        Raises:
            UserError: if it cannot be written.
        """
        path = self.folder / task / self._file_name
        record = {
            **row,
            "task": task,
            "model": self._model,
            "revision": self._revision,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, WeakFileLock(path.with_name(".lock"), timeout=30):
                append_line(path, record)
        except OSError as error:
            raise UserError(f"The correction could not be saved ({error.strerror}).") from error


def append_line(path: Path, row: dict[str, Any]) -> None:
    """Append a JSON line atomically and flush it to disk.

    An incomplete last line, as after a crash, is removed first. The caller holds the lock.
    """
    line = _json_line(row).encode()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    # Unbuffered: closing the file after a failure writes nothing.
    with open(descriptor, "r+b", buffering=0) as file:
        end, remainder = _last_line(file)
        if _is_json(remainder):
            end, line = end + len(remainder), b"\n" + line
        try:
            file.truncate(end)
            file.seek(end)
            while line:
                line = line[file.write(line) :]
            os.fsync(descriptor)
        except BaseException:
            file.truncate(end)
            raise


def _json_line(row: dict[str, Any]) -> str:
    """Format a row as JSON in which no text can start a formula.

    A spreadsheet that opens the file as a table splits it at commas, also within texts. Characters
    that could start a formula are escaped, which JSON parsers reverse.
    """
    line = json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
    return _STRING.sub(lambda text: _FORMULA.sub(_escape, text[0]), line)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _last_line(file: Any, block: int = 1 << 16) -> tuple[int, bytes]:
    """Return the position after the last newline, and the bytes that follow it."""
    start = file.seek(0, os.SEEK_END)
    tail = b""
    while start > 0 and b"\n" not in tail:
        size = min(block, start)
        start -= size
        file.seek(start)
        tail = file.read(size) + tail
    end = tail.rfind(b"\n") + 1
    return start + end, tail[end:]


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
