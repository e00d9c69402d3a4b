"""Hardware and time for the card."""

import pytest

from trainer.cards.compute import compute_facts
from trainer.saving.sessions import Session

CPU = Session("cpu", "Some CPU", 4, 2, 0, 100, 1800.0)
GPU = Session("cuda", "NVIDIA H200", 1, 1, 0, 100, 3600.0)


def test_hardware_is_named_once_with_how_much_of_it():
    facts = compute_facts([[CPU, CPU], [GPU]])
    assert facts.hardware == ["Some CPU, 4 threads in 2 processes", "NVIDIA H200, 1 device"]


def test_phases_and_resumed_stretches_add_up():
    later = Session("cpu", "Some CPU", 4, 2, 100, 200, 600.0)
    facts = compute_facts([[CPU, later], [GPU]])
    assert facts.seconds == 6000 and facts.resumed == 1 and facts.complete


@pytest.mark.parametrize("stretches", [[[CPU], []], [[Session("cpu", "x", 1, 1, 7, 9, 60.0)]]])
def test_a_session_without_a_record_makes_the_facts_incomplete(stretches):
    assert not compute_facts(stretches).complete


def test_no_record_is_no_facts():
    assert compute_facts([]) is None and compute_facts([[]]) is None
