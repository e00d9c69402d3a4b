"""The record of a prediction beside its output, from which it goes on after an interruption."""

import fcntl
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainer.errors import InputError, truncated_repr

# Written before the output appears, and as a key with its size when it is complete.
_JOINING, _END = {"joining": True}, "finished"


@dataclass(frozen=True)
class ChunkRecord:
    """A chunk that is written.

    Attributes:
        chunk: its number.
        rows: rows read.
        written: rows written.
        bytes: the size of its file.
        rejects: reason -> number of rows without a prediction.
        truncated: number of rows whose end is not read.
        untagged: number of words without a tag.
    """

    chunk: int
    rows: int
    written: int
    bytes: int
    rejects: dict[str, int] = field(default_factory=dict)
    truncated: int = 0
    untagged: int = 0


class Journal:
    """A file of lines that are only appended: the settings, each chunk, and the end.

    Attributes:
        records: chunk -> its record.
        joining: whether the output may be there, and be incomplete if it is a folder.
        written: bytes of the complete output; None before it is complete.
    """

    def __init__(self, path: Path, file: Any):
        self._path, self._file = path, file
        self.settings: dict[str, Any] | None = None
        self.records: dict[int, ChunkRecord] = {}
        self.joining = False
        self.written: int | None = None
        self._read()

    @property
    def finished(self) -> bool:
        """Return whether the output is complete."""
        return self.written is not None

    def _read(self) -> None:
        self._file.seek(0)
        length = 0
        for line in self._file:
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                entry = None
            if not isinstance(entry, dict):
                break  # cut off when the process was killed
            self._add_entry(entry)
            length += len(line)
        self._file.truncate(length)

    def _add_entry(self, entry: dict[str, Any]) -> None:
        try:
            if self.settings is None:
                self.settings = entry["settings"]
            elif entry == _JOINING:
                self.joining = True
            elif _END in entry:
                self.written = int(entry[_END])
            else:
                record = ChunkRecord(**entry)
                self.records[record.chunk] = record
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"'{self._path}' is not the journal of a prediction; delete it, or choose another "
                f"output"
            ) from error

    def start(self, settings: Mapping[str, Any]) -> None:
        """Forget everything, and record the settings."""
        self._file.truncate(0)
        self.settings, self.records = dict(settings), {}
        self.joining, self.written = False, None
        self._append({"settings": self.settings})

    def add(self, record: ChunkRecord) -> None:
        """Record a chunk."""
        self.records[record.chunk] = record
        self._append(asdict(record))

    def forget(self, chunk: int) -> None:
        """Leave out a chunk, whose file is gone."""
        del self.records[chunk]

    def begin_joining(self) -> None:
        """Record that the output is about to appear."""
        if not self.joining:
            self.joining = True
            self._append(_JOINING)

    def finish(self, size: int) -> None:
        """Record that the output is complete, and its bytes."""
        self.written = size
        self._append({_END: size})

    def _append(self, entry: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()

    def changed(self, settings: Mapping[str, Any]) -> str | None:
        """Return how other settings differ from those of recorded chunks; None if they do not."""
        if not self.records:
            return None
        recorded = self.settings or {}
        for name, value in settings.items():
            if recorded.get(name) != value:
                then, now = (truncated_repr(x) for x in (recorded.get(name), value))
                return f"{name} was {then}, and is now {now}"
        return None

    @property
    def totals(self) -> ChunkRecord:
        """Return the sums over all chunks; `chunk` is their number."""
        rejects: Counter[str] = Counter()
        for record in self.records.values():
            rejects.update(record.rejects)
        sums = {
            name: sum(getattr(record, name) for record in self.records.values())
            for name in ("rows", "written", "bytes", "truncated", "untagged")
        }
        return ChunkRecord(chunk=len(self.records), rejects=dict(rejects), **sums)


def size_of(output: Path) -> int:
    """Return the bytes of a file, or of a folder's files."""
    files = output.iterdir() if output.is_dir() else [output] if output.exists() else []
    return sum(file.stat().st_size for file in files)


def journal_path(output: Path) -> Path:
    """Return the path of an output's journal."""
    return output.with_name(f"{output.name}.journal.jsonl")


@contextmanager
def open_journal(output: Path) -> Iterator[Journal]:
    """Yield the journal of an output, new or with the records of an earlier process.

    It is deleted at the end if no chunk is recorded.

    Raises:
        InputError: if another process writes to the same output, or the file is no journal.
    """
    path = journal_path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"output: another process is writing '{output}' now") from error
        journal = Journal(path, file)
        try:
            yield journal
        finally:
            if not journal.records:  # nothing to go on from
                path.unlink(missing_ok=True)
