"""The studies in configs/: every run passes the checks."""

from pathlib import Path

import pytest

from trainer.data.tagger import find_tagger
from trainer.errors import InputError
from trainer.search.checks import check_runs
from trainer.search.methods import METHODS
from trainer.search.report.measures import Measures
from trainer.search.study_file import read_study

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("study_*.yaml")), ids=lambda path: path.stem)
def test_every_run_passes_the_checks(path):
    study = read_study(path)
    if "auxiliary" in study.variants and find_tagger() is None:
        del study.variants["auxiliary"]
    trials = METHODS[study.method](study).trials
    check_runs(study, trials, path.parent)
    assert len(Measures.of(study, path.parent).parts) == 3


def test_the_grid_of_the_paper_has_27_runs():
    study = read_study(CONFIGS / "study_grid.yaml")
    trials = METHODS["grid"](study).trials
    assert len(trials) == 27
    options = study.options_of(trials[-1])
    found = [options[name] for name in study.space]
    assert found == [3e-5, 0.5, 32]


def test_the_ways_of_training_change_what_they_say():
    study = read_study(CONFIGS / "study_methods.yaml")
    by_name = {trial.variant: trial for trial in METHODS["grid"](study).trials}
    assert list(study.options_of(by_name["single_similarity"])["tasks"]) == ["similarity"]
    smart = study.options_of(by_name["smart"])["tasks"]["sentiment"]
    assert smart == {"learning_rate": 1e-3, "hidden_sizes": [384], "smart_weight": 1.0}
    assert "smart_weight" not in study.options_of(by_name["sum"])["tasks"]["sentiment"]
    assert study.combined["single_task"]["similarity"] == "single_similarity"


def test_the_command_line_overrides_keys_of_the_study_and_options_of_its_runs(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("output_dir: out\noptions: {max_length: 32, learning_rate: 1.0e-3}\n")
    study = read_study(path, ["--parallel", "2", "--learning_rate=1e-4", "--output_dir", "there"])
    assert (study.parallel, study.output_dir) == (2, "there")
    assert study.options == {"max_length": 32, "learning_rate": 1e-4}
    with pytest.raises(InputError, match="'parallel': expected --KEY value"):
        read_study(path, ["parallel", "2"])
    with pytest.raises(InputError, match="'--parallel': expected --KEY value"):
        read_study(path, ["--parallel"])


def test_the_base_may_be_a_configuration_that_comes_with_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text("{base: demo, output_dir: out}")
    assert read_study(Path("study.yaml")).options["num_train_epochs"] == 8
    Path("demo").write_text("num_train_epochs: 2")
    assert read_study(Path("study.yaml")).options["num_train_epochs"] == 2
    Path("study.yaml").write_text("{base: dmo, output_dir: out}")
    with pytest.raises(InputError, match="there is no configuration file 'dmo'"):
        read_study(Path("study.yaml"))
