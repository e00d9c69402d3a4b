from collections import Counter

import pytest

from trainer.data.sampling import RoundRobin

TASKS = ["b", "a", "c"]


def test_a_cycle_is_one_step_of_all_tasks_in_their_order():
    assert list(RoundRobin(TASKS, 2, "cycle").epoch(0)) == [("b", "a", "c"), ("b", "a", "c")]


def test_a_batch_is_one_step_of_one_task():
    assert list(RoundRobin(TASKS, 2, "batch").epoch(0)) == [("b",), ("a",), ("c",)] * 2


@pytest.mark.parametrize("step_every", ["cycle", "batch"])
@pytest.mark.parametrize("tasks", [["a"], TASKS])
@pytest.mark.parametrize("cycles", [1, 7])
def test_length_and_draws_are_what_the_epochs_have(step_every, tasks, cycles):
    schedule = RoundRobin(tasks, cycles, step_every)
    drawn = Counter()
    for epoch in range(4):
        assert schedule.batches_before(epoch) == drawn
        found = list(schedule.epoch(epoch))
        assert len(found) == len(schedule)
        drawn.update(task for step in found for task in step)
