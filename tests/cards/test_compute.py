"""Hardware, time and energy for the card."""

import pytest

from trainer.cards.compute import compute_facts
from trainer.saving.sessions import Session

CPU = Session("cpu", "Some CPU", 4, 2, 0, 100, 1800.0)
GPU = Session("cuda", "NVIDIA H200", 1, 1, 0, 100, 3600.0)


def test_energy_of_cpus_is_the_time_at_ten_watts_a_thread():
    facts = compute_facts([[CPU]])
    assert facts.energy_kwh == pytest.approx(0.020)  # half an hour at 40 W
    assert facts.energy_basis == ["10 W for each CPU thread"]
    assert facts.hardware == ["Some CPU, 4 threads in 2 processes"]


def test_energy_of_a_known_board_is_the_time_at_its_full_power():
    facts = compute_facts([[GPU]])
    assert facts.energy_kwh == pytest.approx(0.7)
    assert facts.hardware == ["NVIDIA H200, 1 device"]


def test_phases_and_resumed_stretches_add_up():
    later = Session("cpu", "Some CPU", 4, 2, 100, 200, 600.0)
    facts = compute_facts([[CPU, later], [GPU]])
    assert facts.seconds == 6000 and facts.resumed == 1 and facts.complete
    assert facts.energy_kwh == pytest.approx((40 * 2400 + 700 * 3600) / 3.6e6)


def test_nothing_is_claimed_of_hardware_that_is_not_known():
    other = Session("cuda", "A Board Of 2031", 1, 1, 0, 100, 3600.0)
    facts = compute_facts([[CPU], [other]])
    assert facts.energy_kwh is None and facts.energy_basis == []
    assert facts.seconds == 5400


@pytest.mark.parametrize("stretches", [[[CPU], []], [[Session("cpu", "x", 1, 1, 7, 9, 60.0)]]])
def test_nothing_is_claimed_where_a_stretch_was_not_recorded(stretches):
    facts = compute_facts(stretches)
    assert not facts.complete and facts.energy_kwh is None


def test_no_record_is_no_facts():
    assert compute_facts([]) is None and compute_facts([[]]) is None
