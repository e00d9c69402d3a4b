"""What a finished phase leaves behind: its model folder and an account of its training."""

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
    """How a phase went.

    Attributes:
        name: the phase's.
        steps: optimizer steps it took.
        epochs: epochs it took; a part of one if it was stopped early.
        seconds: wall time.
        log_history: the trainer's log.
        sessions: what it took; none in records of older versions.
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
        """The record of a phase whose sessions are known."""
        return cls(name, steps, epochs, total_seconds(sessions), log_history, sessions)


def write_record(record: PhaseRecord, folder: Path) -> None:
    """Write a phase's account: from then on the phase counts as finished."""
    write_json(folder / RECORD, asdict(record))


def read_record(folder: Path) -> PhaseRecord | None:
    """A phase's account; None if the phase is not finished.

    Raises:
        InputError: if it is there and damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        told["sessions"] = [Session(**session) for session in told.get("sessions", [])]
        return PhaseRecord(**told)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"resume: '{path}' is damaged ({error}); delete the folder to train the phase again"
        ) from error


def joined_history(records: list[PhaseRecord], tasks: Collection[str]) -> list[dict[str, Any]]:
    """The phases' logs as one: steps and epochs go on from phase to phase.

    The overall score of a phase that does not measure all of the tasks is left out: it is another
    quantity than the run's.
    """
    joined = []
    steps, epochs = 0, 0.0
    for record in records:
        for entry in record.log_history:
            moved = {"step": entry.get("step", 0) + steps, "epoch": entry.get("epoch", 0) + epochs}
            entry = {**entry, **moved, "phase": record.name}
            if any(f"eval_{task}_loss" not in entry for task in tasks):
                entry.pop("eval_overall", None)
            joined.append(entry)
        steps, epochs = steps + record.steps, epochs + record.epochs
    return joined
