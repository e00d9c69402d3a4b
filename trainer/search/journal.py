"""The journal of a search: a line for every decision and every result, only ever appended."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainer.errors import InputError
from trainer.saving.files import finite
from trainer.search.trials import Result, Segment, Trial

JOURNAL = "journal.jsonl"


class Journal:
    """The journal of a study's folder.

    A line is on the disk before `append` returns. The last line may be cut off after a crash or a
    loss of power; it is dropped.

    Args:
        path: of the file, which need not exist.
    """

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> Iterator[dict[str, Any]]:
        """Return the complete entries, in their order.

        Raises:
            InputError: for a line, other than the last, that is damaged.
        """
        if not self.path.is_file():
            return
        data = self.path.read_bytes()
        whole, newline, cut = data.rpartition(b"\n")
        if cut:
            with self.path.open("r+b") as file:
                file.truncate(len(whole) + len(newline))
        for number, line in enumerate((whole + newline).splitlines(), start=1):
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise self.damaged(number, str(error)) from error

    def damaged(self, number: int, reason: str) -> InputError:
        """Return the error for a line without which the search cannot go on."""
        return InputError(
            f"{self.path}, line {number}: is damaged: {reason}; without it the search cannot go "
            "on: remove the study's folder to start again"
        )

    def append(self, entry: dict[str, Any]) -> None:
        """Write an entry."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(finite(entry), allow_nan=False, sort_keys=True) + "\n"
        with self.path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())


def asked(segment: Segment, trial: Trial) -> dict[str, Any]:
    """Return the entry for a segment that a method asked for, with what its trial trains."""
    of = {"seed": trial.seed, "variant": trial.variant, "values": dict(trial.values)}
    return {"ask": segment.to_json(), "of": of}


def told(segment: Segment, result: Result) -> dict[str, Any]:
    """Return the entry for a result."""
    return {"tell": segment.to_json(), "result": result.to_json()}
