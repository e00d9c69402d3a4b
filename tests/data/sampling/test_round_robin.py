from collections import Counter

import pytest

from trainer.data.sampling import RoundRobin

TASKS = ["b", "a", "c"]


def test_a_cycle_is_one_plan_of_all_tasks_in_their_order():
    assert list(RoundRobin(TASKS, 2, "cycle").epoch(0)) == [("b", "a", "c"), ("b", "a", "c")]


def test_a_turn_is_one_plan_of_one_task():
    assert list(RoundRobin(TASKS, 2, "turn").epoch(0)) == [("b",), ("a",), ("c",)] * 2


@pytest.mark.parametrize("update", ["cycle", "turn"])
@pytest.mark.parametrize("tasks", [["a"], TASKS])
@pytest.mark.parametrize("cycles", [1, 7])
def test_length_and_draws_are_what_the_epochs_have(update, tasks, cycles):
    plans = RoundRobin(tasks, cycles, update)
    drawn = Counter()
    for epoch in range(4):
        assert plans.drawn_before(epoch) == drawn
        found = list(plans.epoch(epoch))
        assert len(found) == len(plans)
        drawn.update(task for plan in found for task in plan)
