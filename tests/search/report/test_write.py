import json

import yaml

from tests.search.report.studies import MEASURES, make_study, metrics, search
from trainer.config.parser import parse_config
from trainer.search.report.write import write_report
from trainer.search.trials import Segment


def by_rate(trial):
    return metrics(1e4 * trial.values["learning_rate"] + 0.01 * trial.seed, 0.5)


def test_all_files_are_written(tmp_path):
    study = make_study(tmp_path, {"learning_rate": [1e-5, 2e-5], "weight_decay": [0.0, 0.1]})
    content = write_report(study, MEASURES, *search(study, by_rate), done=True)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"study.json", "study.csv", "README.md", "best.yaml", "figures"}
    assert json.loads((tmp_path / "study.json").read_text())["best"] == content["best"]
    assert content["importance"]["runs"] == 12


def test_the_tables_are_written_after_each_result(tmp_path):
    study = make_study(tmp_path, {"learning_rate": [1e-5, 2e-5]})
    trials, results = search(study, by_rate)
    for count in range(len(results) + 1):
        write_report(study, MEASURES, trials, results[:count], done=False, complete=False)
        assert f"Runs: {count} of 6" in (tmp_path / "README.md").read_text()
        assert (tmp_path / "best.yaml").is_file() == (count > 0)


def test_the_best_configuration_is_one_of_a_run(tmp_path):
    study = make_study(
        tmp_path,
        {"tasks.sentiment.dropout": [0.1, 0.3]},
        variants={"siloed": {}, "single": {"optimizer_layout": "single"}},
        seeds=[7, 8],
        cycles=5,
    )
    study.options = yaml.safe_load(
        "{model_name_or_path: minilm, data_dir: sample, tasks: {sentiment: {}}}"
    )

    def score(trial):
        good = trial.variant == "single" and trial.values["tasks.sentiment.dropout"] == 0.3
        return metrics(0.9 if good else 0.1, 0.5)

    write_report(study, MEASURES, *search(study, score), done=True, complete=False)
    options = yaml.safe_load((tmp_path / "best.yaml").read_text())
    settings = parse_config(options, "best.yaml")
    assert settings.training.optimizer_layout == "single" and settings.training.seed == 7
    assert settings.tasks["sentiment"].model.dropout == 0.3
    assert settings.training.max_steps == 5


def test_values_that_changed_during_training_are_no_configuration(tmp_path):
    study = make_study(tmp_path, {"learning_rate": [1e-5, 2e-5]}, seeds=[1])
    trials, results = search(study, by_rate)
    results[-1] = Segment(2, values={"learning_rate": 5e-5}), results[-1][1]
    write_report(study, MEASURES, trials, results, done=True, complete=False)
    assert not (tmp_path / "best.yaml").exists()
    assert "the values are those of its first interval" in (tmp_path / "README.md").read_text()
