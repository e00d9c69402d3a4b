import torch

from trainer.objective.aggregators.step_seed import StepSeed


def draw(step_seed):
    with step_seed.next_step():
        return torch.rand(4).tolist()


def test_steps_differ_and_seeds_differ():
    step_seed = StepSeed(0)
    found = [draw(step_seed), draw(step_seed), draw(StepSeed(1)), draw(StepSeed(2**32))]
    assert len({tuple(numbers) for numbers in found}) == 4


def test_numbers_follow_from_seed_and_step_alone():
    first, second = StepSeed(5), StepSeed(5)
    draw(first)
    torch.rand(100)
    second.step = 1
    assert draw(first) == draw(second)


def test_the_global_generator_goes_on_as_if_nothing_was_drawn():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    draw(StepSeed(0))
    assert torch.equal(torch.rand(3), expected)
