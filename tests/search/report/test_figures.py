import pytest
from PIL import Image

from tests.search.report.studies import MEASURES, content_of, make_study, metrics, search
from trainer.saving.files import write_json
from trainer.search.report.figures import draw_study
from trainer.search.report.runs import collect_runs

GRID = {
    "learning_rate": [1e-5, 2e-5, 3e-5],
    "backbone_dropout": [0.3, 0.4, 0.5],
    "per_device_train_batch_size": [8, 16, 32],
}


def draw(study, score, importance=None):
    trials, results = search(study, score)
    runs = collect_runs(trials, results, MEASURES)
    content = content_of(study, score) | {"importance": importance}
    return draw_study(study, content, runs)


def by_rate(trial):
    return metrics(1e4 * trial.values["learning_rate"] + 0.01 * trial.seed, 0.5)


def test_a_grid_of_three_options_has_a_panel_for_each_value_of_the_last(tmp_path):
    figures = draw(make_study(tmp_path, GRID, seeds=[1]), by_rate)
    assert list(figures) == [
        "figures/coordinates.png",
        "figures/heat_map_overall.png",
        "figures/heat_map_mood_accuracy.png",
        "figures/heat_map_near_pearson.png",
    ]
    width, height = Image.open(tmp_path / "figures" / "heat_map_overall.png").size
    assert width > 2 * height


def test_a_draw_of_ranges_has_no_heat_map(tmp_path):
    space = {
        "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
        "weight_decay": {"low": 0.0, "high": 0.1},
    }
    study = make_study(tmp_path, space, method="random", trials=8, seeds=[1])
    found = {"options": {"learning_rate": 0.5, "weight_decay": -0.01}, "r2": 0.6, "runs": 12}
    figures = draw(study, by_rate, found)
    assert list(figures) == ["figures/coordinates.png", "figures/importance.png"]


def test_variants_have_differences_and_curves(tmp_path):
    study = make_study(tmp_path, variants={"single": {}, "siloed": {}})
    for trial in search(study, lambda _: "")[0]:
        evaluations = [{"step": s, "eval_overall": 0.1 * s + 0.01 * trial.seed} for s in (0, 5)]
        curve = {"run": {"steps": 5, "evaluations": evaluations}}
        write_json(study.log_of(trial).with_suffix(".json"), curve)
    figures = draw(study, lambda trial: metrics(0.6 + 0.01 * trial.seed, 0.5))
    assert list(figures) == ["figures/differences.png", "figures/curves.png"]
    for path in figures:
        assert Image.open(tmp_path / path).size[0] > 500


@pytest.mark.parametrize("error", ["killed", ""])
def test_a_study_without_scores_has_no_figures(tmp_path, error):
    study = make_study(tmp_path, GRID, seeds=[1])
    assert draw(study, lambda _: error or {"eval_loss": 1.0}) == {}
