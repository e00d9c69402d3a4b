"""Hardware and time of training, for the card."""

from collections.abc import Sequence

from trainer.cards.facts import ComputeFacts
from trainer.saving.sessions import Session, total_seconds


def compute_facts(stretches: Sequence[Sequence[Session]]) -> ComputeFacts | None:
    """Return the time and hardware of all sessions together; None if none was recorded.

    Args:
        stretches: the sessions of each phase, or of the one stretch of a run without phases.
    """
    sessions = [session for stretch in stretches for session in stretch]
    if not sessions:
        return None
    # A stretch whose first session went on from a step did not record what came before it.
    complete = all(stretch and stretch[0].first_step == 0 for stretch in stretches)
    return ComputeFacts(
        hardware=list(dict.fromkeys(map(_hardware, sessions))),
        seconds=round(total_seconds(sessions), 1),
        complete=complete,
        resumed=sum(session.first_step > 0 for session in sessions),
    )


def _hardware(session: Session) -> str:
    unit = "thread" if session.device == "cpu" else "device"
    processes = f" in {session.processes} processes" if session.processes > 1 else ""
    plural = "" if session.count == 1 else "s"
    return f"{session.hardware}, {session.count} {unit}{plural}{processes}"
