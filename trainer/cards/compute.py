"""What training took, for the card: hardware, time, and energy where it can be estimated."""

from collections.abc import Sequence

from trainer.cards.facts import ComputeFacts
from trainer.saving.sessions import Session, total_seconds

# A round figure between a server's processor with many slow cores and a desktop's with few.
WATTS_OF_A_CPU_THREAD = 10.0
# The power that the makers give for a whole board, by torch's name for it.
WATTS_OF_A_BOARD = {
    "NVIDIA A10": 150,
    "NVIDIA A100 80GB PCIe": 300,
    "NVIDIA A100-PCIE-40GB": 250,
    "NVIDIA A100-SXM4-40GB": 400,
    "NVIDIA A100-SXM4-80GB": 400,
    "NVIDIA GeForce RTX 3090": 350,
    "NVIDIA GeForce RTX 4090": 450,
    "NVIDIA H100 80GB HBM3": 700,
    "NVIDIA H100 PCIe": 350,
    "NVIDIA H200": 700,
    "NVIDIA L4": 72,
    "NVIDIA L40S": 350,
    "NVIDIA RTX A6000": 300,
    "Tesla T4": 70,
    "Tesla V100-PCIE-16GB": 250,
    "Tesla V100-SXM2-16GB": 300,
    "Tesla V100-SXM2-32GB": 300,
}


def compute_facts(stretches: Sequence[Sequence[Session]]) -> ComputeFacts | None:
    """What all sessions took together; None if none was recorded.

    Args:
        stretches: the sessions of each phase, or of the one stretch of a run without phases.
    """
    sessions = [session for stretch in stretches for session in stretch]
    if not sessions:
        return None
    # A stretch whose first session went on from a step did not record what came before it.
    complete = all(stretch and stretch[0].first_step == 0 for stretch in stretches)
    facts = ComputeFacts(
        hardware=list(dict.fromkeys(map(_hardware, sessions))),
        seconds=round(total_seconds(sessions), 1),
        complete=complete,
        resumed=sum(session.first_step > 0 for session in sessions),
    )
    watts = [_watts(session) for session in sessions]
    if complete and all(watts):
        joules = sum(w * s.seconds for (w, _), s in zip(filter(None, watts), sessions, strict=True))
        facts.energy_kwh = joules / 3.6e6
        facts.energy_basis = list(dict.fromkeys(basis for _, basis in filter(None, watts)))
    return facts


def _hardware(session: Session) -> str:
    unit = "thread" if session.device == "cpu" else "device"
    processes = f" in {session.processes} processes" if session.processes > 1 else ""
    plural = "" if session.count == 1 else "s"
    return f"{session.hardware}, {session.count} {unit}{plural}{processes}"


def _watts(session: Session) -> tuple[float, str] | None:
    """The assumed power of a session's hardware, and what was assumed."""
    if session.device == "cpu":
        basis = f"{WATTS_OF_A_CPU_THREAD:g} W for each CPU thread"
        return WATTS_OF_A_CPU_THREAD * session.count, basis
    board = WATTS_OF_A_BOARD.get(session.hardware)
    if board is None:
        return None
    return float(board * session.count), f"{board} W for each {session.hardware}, its full power"
