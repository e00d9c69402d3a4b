"""Right answers to wrong ones, kept as rows of training data."""

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
    """A folder with a sub-folder for each task, which holds a JSON line for each right answer.

    A row has the columns of a task's training data (`text`, `text_pair` for pairs, `label`), and
    `answer` (what the model said), `task`, `model`, `revision` and `time` (UTC).

    Args:
        folder: where; it is made with the first row.
        model: the model's name.
        revision: its commit or fingerprint.
        file_name: of each task's file.
        lock: held while a file is written to, beside a lock between processes.
        kept: where the rows go, in words for the page.
    """

    def __init__(
        self,
        folder: Path,
        model: str,
        revision: str,
        file_name: str = LOCAL_FILE,
        lock: AbstractContextManager[Any] | None = None,
        kept: str = "kept on the machine that runs this page",
    ):
        self.folder = folder
        self.kept = kept
        self._model, self._revision = model, revision
        self._file_name = file_name
        self._lock = lock or nullcontext()

    def add(self, task: str, row: dict[str, Any]) -> None:
        """Add a row to a task's file; it is on disk when this returns.

        Raises:
            UserError: if it cannot be written.
        """
        path = self.folder / task / self._file_name
        whole = {
            **row,
            "task": task,
            "model": self._model,
            "revision": self._revision,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, WeakFileLock(path.with_name(".lock"), timeout=30):
                append_line(path, whole)
        except OSError as error:
            raise UserError(f"Your answer could not be saved ({error.strerror}).") from error


def append_line(path: Path, row: dict[str, Any]) -> None:
    """Append one JSON line, the whole of it or nothing, and wait until it is on disk.

    A line that was never finished, because the machine went down, is removed first. The caller
    keeps other writers away.
    """
    line = _json_line(row).encode()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    # Unbuffered: nothing is left to be written by closing the file after a failure.
    with open(descriptor, "r+b", buffering=0) as file:
        end, rest = _last_line(file)
        if _is_json(rest):
            end, line = end + len(rest), b"\n" + line
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
    """A row as JSON in which no text has the beginning of a formula.

    A spreadsheet that takes the file for a table cuts it at commas, also within texts. What could
    begin a formula there is written by its code, which every reader of JSON turns back.
    """
    line = json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
    return _STRING.sub(lambda text: _FORMULA.sub(_by_its_code, text[0]), line)


def _by_its_code(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _last_line(file: Any, block: int = 1 << 16) -> tuple[int, bytes]:
    """Where the last newline ends, and what follows it."""
    start = file.seek(0, os.SEEK_END)
    rest = b""
    while start > 0 and b"\n" not in rest:
        size = min(block, start)
        start -= size
        file.seek(start)
        rest = file.read(size) + rest
    end = rest.rfind(b"\n") + 1
    return start + end, rest[end:]


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
