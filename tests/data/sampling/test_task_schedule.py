import numpy as np
import pytest

from trainer import HybridMTLTrainingArguments
from trainer.data.sampling import SAMPLERS, STOPPING_STRATEGIES, make_task_schedule

BATCHES = {"b": 16, "a": 4, "c": 9}
SAMPLED = [name for name in SAMPLERS if name not in ("round_robin", "fixed")]


def schedule_of(sampler, *, seed=1, **options):
    if sampler == "fixed":
        options.setdefault("task_sequence", ["c", "b", "b", "a"])
    args = HybridMTLTrainingArguments(
        use_cpu=True,
        report_to="none",
        **{"task_sampling": sampler, "step_every": "batch", **options},
    )
    return make_task_schedule(args, BATCHES, seed)


def test_stopping_strategies():
    batches = {"a": 5, "b": 2, "c": 9}
    assert STOPPING_STRATEGIES["first_exhausted"](batches) == 2
    assert STOPPING_STRATEGIES["all_exhausted"](batches) == 9


@pytest.mark.parametrize(
    "step_every, step", [("cycle", [("b", "a", "c")]), ("batch", ["b", "a", "c"])]
)
def test_round_robin_is_the_default_and_goes_round_in_the_order_of_the_tasks(step_every, step):
    args = HybridMTLTrainingArguments(use_cpu=True, report_to="none", step_every=step_every)
    schedule = make_task_schedule(args, BATCHES, 1)
    assert list(schedule.epoch(0)) == [tuple(p) for p in step] * 4


@pytest.mark.parametrize(
    "sampler, options, weights",
    [
        ("proportional", {}, [16, 4, 9]),
        ("square_root", {}, [4, 2, 3]),
        ("uniform", {}, [1, 1, 1]),
        ("temperature", {}, [4, 2, 3]),
        ("temperature", {"sampling_temperature": 1}, [16, 4, 9]),
        ("temperature", {"sampling_temperature": 4.0}, [2, 2**0.5, 3**0.5]),
    ],
)
def test_tasks_are_drawn_by_a_power_of_their_batches(sampler, options, weights):
    expected = np.array(weights) / sum(weights)
    schedule = schedule_of(sampler, **options)
    np.testing.assert_allclose(schedule.shares, [expected])
    assert set(schedule.epoch(0)) == {("a",), ("b",), ("c",)}


def test_annealing_goes_from_proportional_towards_uniform_by_the_formula():
    shares = schedule_of("annealed", num_train_epochs=5).shares
    assert len(shares) == 5
    sizes = np.array([16, 4, 9])
    for epoch, row in enumerate(shares, start=1):
        weights = sizes ** (1 - 0.8 * (epoch - 1) / (5 - 1))
        np.testing.assert_allclose(row, weights / weights.sum())
    distance = np.abs(shares - 1 / 3).sum(axis=1)
    assert (np.diff(distance) < -0.01).all()
    np.testing.assert_allclose(shares[-1], sizes**0.2 / (sizes**0.2).sum())


@pytest.mark.parametrize(
    "options, exponents",
    [
        ({"num_train_epochs": 1}, [1]),
        ({"num_train_epochs": 1.5}, [1, 0.2]),
        # What ends the run does not change how it begins.
        ({"num_train_epochs": 2, "max_steps": 500}, [1, 0.2]),
    ],
)
def test_annealing_follows_the_number_of_epochs(options, exponents):
    shares = schedule_of("annealed", **options).shares
    weights = np.array([16, 4, 9]) ** np.array(exponents)[:, None]
    np.testing.assert_allclose(shares, weights / weights.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    "sampler, options, cycles",
    [
        ("round_robin", {}, 4),
        ("round_robin", {"stopping_strategy": "all_exhausted"}, 16),
        ("round_robin", {"stopping_strategy": "all_exhausted", "step_every": "cycle"}, 16),
        # One pass over all rows: 29 batches are nearest to 10 cycles of 3 batches.
        ("proportional", {}, 10),
        ("proportional", {"stopping_strategy": "all_exhausted"}, 10),
        # 4 / (3 * 2/9) and 16 / (3 * 4/9)
        ("square_root", {}, 6),
        ("square_root", {"stopping_strategy": "all_exhausted"}, 12),
        ("temperature", {}, 6),
        ("uniform", {}, 4),
        ("uniform", {"stopping_strategy": "all_exhausted"}, 16),
        # 4 / (3 * 1/4), 9 / (3 * 1/4)
        ("fixed", {}, 5),
        ("fixed", {"stopping_strategy": "all_exhausted"}, 12),
        ("annealed", {"num_train_epochs": 1}, 10),
        *((step, {"cycles_per_epoch": 7}, 7) for step in SAMPLERS),
    ],
)
def test_an_epoch_ends_where_the_stopping_strategy_says_on_average(sampler, options, cycles):
    schedule = schedule_of(sampler, **options)
    assert schedule.cycles == cycles
    assert len(schedule) == len(list(schedule.epoch(0))) == len(list(schedule.epoch(3)))
    assert len(schedule) == cycles * (1 if options.get("step_every") == "cycle" else 3)


def test_annealings_epochs_count_by_the_mean_of_all():
    schedule = schedule_of("annealed", num_train_epochs=3)
    rates = 3 * schedule.shares.mean(axis=0)
    assert schedule.cycles == round(
        min(n / rate for n, rate in zip([16, 4, 9], rates, strict=True))
    )
    assert 4 < schedule.cycles < 10  # between uniform and proportional


@pytest.mark.parametrize("sampler", SAMPLED)
def test_the_seed_decides_the_draws(sampler):
    first, again, other = (list(schedule_of(sampler, seed=seed).epoch(1)) for seed in (1, 1, 2))
    assert first == again != other
