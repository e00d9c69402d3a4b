"""The record of a finished phase, which is saved with its model."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainer.errors import InputError
from trainer.saving.files import write_json
from trainer.saving.sessions import Session, total_seconds

RECORD = "phase.json"


@dataclass
class PhaseRecord:
    """The record of a phase.

    Attributes:
        name: name of the phase.
        steps: number of optimizer steps.
        epochs: number of epochs, with fractions.
        seconds: wall time.
        log_history: the trainer's log.
        sessions: the sessions; empty in records of older versions.
    """

    name: str
    steps: int
    epochs: float
    seconds: float
    log_history: list[dict[str, Any]]
    sessions: list[Session] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        name: str,
        steps: int,
        epochs: float,
        log_history: list[dict[str, Any]],
        sessions: list[Session],
    ) -> "PhaseRecord":
        """Return the record of a phase with the total time of its sessions."""
        return cls(name, steps, epochs, total_seconds(sessions), log_history, sessions)


def write_record(record: PhaseRecord, folder: Path) -> None:
    """Write the record of a phase, which marks it as finished."""
    write_json(folder / RECORD, asdict(record))


def read_record(folder: Path) -> PhaseRecord | None:
    """Return the record of a phase; None if it is not finished.

    Raises:
        InputError: if the record is damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["sessions"] = [Session(**session) for session in content.get("sessions", [])]
        return PhaseRecord(**content)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"resume: '{path}' is damaged ({error}); delete the folder to train the phase again"
        ) from error


def merge_histories(records: list[PhaseRecord], tasks: Collection[str]) -> list[dict[str, Any]]:
    """Return the logs of all phases as one, with consecutive steps and epochs.

    The overall score is omitted for phases that do not evaluate all tasks, since it is not
    comparable.
    """
    merged = []
    steps, epochs = 0, 0.0
    for record in records:
        for entry in record.log_history:
            position = {
                "step": entry.get("step", 0) + steps,
                "epoch": entry.get("epoch", 0) + epochs,
            }
            entry = {**entry, **position, "phase": record.name}
            if any(f"eval_{task}_loss" not in entry for task in tasks):
                entry.pop("eval_overall", None)
            merged.append(entry)
        steps, epochs = steps + record.steps, epochs + record.epochs
    return merged
