import pytest

from tests.search.report.studies import MEASURES, PARTS, content_of, make_study, metrics
from trainer.search.report.measures import Measures
from trainer.search.report.runs import collect_runs
from trainer.search.trials import Result, Segment, Trial

GAIN = {"single": 0.0, "siloed": 0.03, "noisy": 0.0}
NOISE = {1: 0.01, 2: -0.02, 3: 0.015}


def score(trial):
    noise = 2 * NOISE[trial.seed] if trial.variant == "noisy" else 0.001 * trial.seed
    noise += 0.001 * trial.seed if trial.variant == "siloed" else 0.0
    return metrics(0.6 + NOISE[trial.seed] + GAIN[trial.variant] + noise, 0.5)


def rows(content):
    return {row["name"]: row for row in content["rows"]}


def test_variants_are_compared_with_the_baseline(tmp_path):
    study = make_study(tmp_path, variants={name: {} for name in GAIN})
    found = rows(content_of(study, score))
    assert found["single"]["difference"] is None
    assert found["siloed"]["difference"]["verdict"] == "better"
    # The overall score of (accuracy, (1 + r) / 2): half of the accuracy's difference.
    assert found["siloed"]["difference"]["value"] == pytest.approx(0.016)
    assert found["noisy"]["difference"]["verdict"] == "no difference shown"
    assert found["noisy"]["difference"]["runs"] == 3


def test_p_values_are_corrected_for_their_number(tmp_path):
    study = make_study(tmp_path, variants={name: {} for name in GAIN})
    gaps = [row["difference"] for row in content_of(study, score)["rows"][1:]]
    low, high = sorted(gaps, key=lambda gap: gap["p"])
    assert low["p_corrected"] == pytest.approx(2 * low["p"])
    assert high["p_corrected"] == pytest.approx(max(high["p"], 2 * low["p"]))


def test_another_baseline_and_values_are_compared_like_with_like(tmp_path):
    space = {"learning_rate": [1e-5, 2e-5]}
    study = make_study(tmp_path, space, variants={"siloed": {}, "single": {}}, baseline="single")

    def by_rate(trial):
        gain = 1000 * trial.values["learning_rate"]
        return metrics(score(trial)["eval_mood_accuracy"] + gain, 0.5)

    found = rows(content_of(study, by_rate))
    gap = found["siloed, learning_rate 2e-05"]["difference"]
    assert gap["value"] == pytest.approx(0.016)
    assert found["single, learning_rate 2e-05"]["difference"] is None


def test_variants_of_single_tasks_count_as_one_run(tmp_path):
    study = make_study(
        tmp_path,
        variants={"all": {}, "mood": {}, "near": {}},
        combined={"apart": {"mood": "mood", "near": "near"}},
    )

    def one_task(trial):
        found = metrics(0.6 + 0.01 * trial.seed, 0.5)
        drop = {"mood": "eval_near_pearson", "near": "eval_mood_accuracy"}.get(trial.variant)
        return {k: v for k, v in found.items() if k != drop} | {"eval_overall": 0.99}

    content = content_of(study, one_task)
    found = rows(content)
    apart = found["apart"]
    assert apart["metrics"]["eval_overall"]["by_seed"] == {
        seed: pytest.approx((0.6 + 0.01 * seed + 0.75) / 2) for seed in (1, 2, 3)
    }
    assert apart["seconds"] == 20
    assert apart["difference"]["verdict"] == "no difference shown"
    # One task's score is no overall score, neither in the table nor as the best.
    assert "eval_overall" not in found["near"]["metrics"]
    assert found["near"]["difference"] is None
    assert list(found["near"]["task_differences"]) == ["eval_near_pearson"]
    assert content["best"] == "all"


def test_a_seed_that_failed_is_missing_from_the_pairs(tmp_path):
    study = make_study(tmp_path, variants={"single": {}, "siloed": {}})
    failing = lambda t: "NonFiniteError: loss" if (t.variant, t.seed) == ("single", 2) else score(t)  # noqa: E731
    content = content_of(study, failing)
    found = rows(content)
    assert (found["single"]["failed"], found["siloed"]["difference"]["runs"]) == (1, 2)
    # The mean of fewer runs is not chosen.
    assert content["best"] == "siloed"


def test_the_best_of_a_loss_is_the_lowest(tmp_path):
    study = make_study(tmp_path, {"weight_decay": [0.0, 0.1, 0.2]}, study_metric="eval_loss")
    content = content_of(
        study,
        lambda t: {"eval_loss": abs(t.values["weight_decay"] - 0.1)},
        Measures("eval_loss", PARTS),
    )
    assert content["best"] == "weight_decay 0.1"


def test_segments_of_a_trial_are_one_run():
    trials = [Trial(1, 1), Trial(2, 1)]
    results = [
        (Segment(1, until=10), Result(0.5, metrics(0.5, 0.5), 3.0)),
        (Segment(2, until=10), Result(0.4, metrics(0.4, 0.5), 3.0)),
        (Segment(1, start=10), Result(0.6, metrics(0.6, 0.5), 4.0)),
    ]
    first, second = collect_runs(trials, results, MEASURES)
    assert (first.seconds, first.finished, first.score) == (7.0, True, pytest.approx(0.675))
    assert (second.paused, second.finished) == (10, False)


def test_a_combination_has_each_task_from_the_run_that_is_named(tmp_path):
    study = make_study(
        tmp_path,
        variants={"all": {}, "then_mood": {}, "then_near": {}},
        combined={"then": {"mood": "then_mood", "near": "then_near"}},
    )
    scores = {"all": (0.5, 0.5), "then_mood": (0.8, 0.1), "then_near": (0.2, 0.9)}
    content = content_of(study, lambda trial: metrics(*scores[trial.variant]))
    found = rows(content)["then"]["metrics"]
    assert set(found["eval_mood_accuracy"]["by_seed"].values()) == {0.8}
    assert set(found["eval_near_pearson"]["by_seed"].values()) == {0.9}


def test_rows_of_close_values_are_kept_apart(tmp_path):
    study = make_study(tmp_path, {"learning_rate": [1.0001e-4, 1.0002e-4, 1.0003e-4]})
    quality = {1.0001e-4: 0.1, 1.0002e-4: 0.9, 1.0003e-4: 0.3}
    content = content_of(study, lambda trial: metrics(quality[trial.values["learning_rate"]], 0.5))
    assert content["best"] == "learning_rate 0.00010002" and content["best_row"] == 1
    assert len({row["name"] for row in content["rows"]}) == 3
