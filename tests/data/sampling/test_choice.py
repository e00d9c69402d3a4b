import numpy as np
import pytest

from trainer import HybridMTLTrainingArguments
from trainer.data.sampling import SAMPLERS, STOP_RULES, make_plans

BATCHES = {"b": 16, "a": 4, "c": 9}
SAMPLED = [name for name in SAMPLERS if name not in ("round_robin", "fixed")]


def plans_of(plan, *, seed=1, **options):
    if plan == "fixed":
        options.setdefault("plan_sequence", ["c", "b", "b", "a"])
    args = HybridMTLTrainingArguments(
        use_cpu=True, report_to="none", **{"plan": plan, "update": "turn", **options}
    )
    return make_plans(args, BATCHES, seed)


def test_stop_rules():
    batches = {"a": 5, "b": 2, "c": 9}
    assert STOP_RULES["first_exhausted"](batches) == 2
    assert STOP_RULES["all_exhausted"](batches) == 9


@pytest.mark.parametrize("update, plan", [("cycle", [("b", "a", "c")]), ("turn", ["b", "a", "c"])])
def test_round_robin_is_the_default_and_goes_round_in_the_order_of_the_tasks(update, plan):
    args = HybridMTLTrainingArguments(use_cpu=True, report_to="none", update=update)
    plans = make_plans(args, BATCHES, 1)
    assert list(plans.epoch(0)) == [tuple(p) for p in plan] * 4


@pytest.mark.parametrize(
    "plan, options, weights",
    [
        ("proportional", {}, [16, 4, 9]),
        ("square_root", {}, [4, 2, 3]),
        ("uniform", {}, [1, 1, 1]),
        ("temperature", {}, [4, 2, 3]),
        ("temperature", {"plan_temperature": 1}, [16, 4, 9]),
        ("temperature", {"plan_temperature": 4.0}, [2, 2**0.5, 3**0.5]),
    ],
)
def test_tasks_are_drawn_by_a_power_of_their_batches(plan, options, weights):
    expected = np.array(weights) / sum(weights)
    plans = plans_of(plan, **options)
    np.testing.assert_allclose(plans.shares, [expected])
    assert set(plans.epoch(0)) == {("a",), ("b",), ("c",)}


def test_annealing_goes_from_proportional_towards_uniform_by_the_formula():
    shares = plans_of("annealed", num_train_epochs=5).shares
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
    shares = plans_of("annealed", **options).shares
    weights = np.array([16, 4, 9]) ** np.array(exponents)[:, None]
    np.testing.assert_allclose(shares, weights / weights.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    "plan, options, cycles",
    [
        ("round_robin", {}, 4),
        ("round_robin", {"stop": "all_exhausted"}, 16),
        ("round_robin", {"stop": "all_exhausted", "update": "cycle"}, 16),
        # One pass over all rows: 29 batches are nearest to 10 cycles of 3 turns.
        ("proportional", {}, 10),
        ("proportional", {"stop": "all_exhausted"}, 10),
        # 4 / (3 * 2/9) and 16 / (3 * 4/9)
        ("square_root", {}, 6),
        ("square_root", {"stop": "all_exhausted"}, 12),
        ("temperature", {}, 6),
        ("uniform", {}, 4),
        ("uniform", {"stop": "all_exhausted"}, 16),
        # 4 / (3 * 1/4), 9 / (3 * 1/4)
        ("fixed", {}, 5),
        ("fixed", {"stop": "all_exhausted"}, 12),
        ("annealed", {"num_train_epochs": 1}, 10),
        *((plan, {"cycles_per_epoch": 7}, 7) for plan in SAMPLERS),
    ],
)
def test_an_epoch_ends_where_the_stop_rule_holds_on_average(plan, options, cycles):
    plans = plans_of(plan, **options)
    assert plans.cycles == cycles
    assert len(plans) == len(list(plans.epoch(0))) == len(list(plans.epoch(3)))
    assert len(plans) == cycles * (1 if options.get("update") == "cycle" else 3)


def test_annealings_epochs_count_by_the_mean_of_all():
    plans = plans_of("annealed", num_train_epochs=3)
    rates = 3 * plans.shares.mean(axis=0)
    assert plans.cycles == round(min(n / rate for n, rate in zip([16, 4, 9], rates, strict=True)))
    assert 4 < plans.cycles < 10  # between uniform and proportional


@pytest.mark.parametrize("plan", SAMPLED)
def test_the_seed_decides_the_draws(plan):
    first, again, other = (list(plans_of(plan, seed=seed).epoch(1)) for seed in (1, 1, 2))
    assert first == again != other
