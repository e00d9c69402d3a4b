"""`hybrid-mtl evaluate`: a run's folder is enough."""

import pytest

from trainer.cli import evaluate
from trainer.saving.run_folder import CONFIG_FILE


@pytest.fixture
def passed_on(monkeypatch):
    """The arguments that the command passes on."""
    found = []
    monkeypatch.setattr(evaluate.train, "main", lambda arguments, prog: found.append(arguments))
    return found


@pytest.fixture
def folder(tmp_path):
    (tmp_path / evaluate.RUN_CONFIG).write_text("")
    return tmp_path


def test_the_name_is_that_of_runs():
    assert evaluate.RUN_CONFIG == CONFIG_FILE


def test_a_runs_folder_gives_the_configuration_and_the_model(passed_on, folder):
    evaluate.main([str(folder), "--eval_split", "test"])
    model = ["--model_name_or_path", str(folder), "--output_dir", str(folder / "evaluate")]
    config = str(folder / "run_config.yaml")
    assert passed_on == [[config, *model, "--eval_split", "test", "--mode", "evaluate"]]


def test_given_options_go_first(passed_on, folder):
    evaluate.main([str(folder), "--output_dir=elsewhere"])
    (arguments,) = passed_on
    assert "--output_dir=elsewhere" in arguments and "--output_dir" not in arguments


def test_a_configuration_is_passed_on(passed_on):
    evaluate.main(["my.yaml", "--model_name_or_path", "m"])
    assert passed_on == [["my.yaml", "--model_name_or_path", "m", "--mode", "evaluate"]]


def test_a_folder_without_a_configuration_is_refused(passed_on, tmp_path, capsys):
    assert evaluate.main([str(tmp_path)]) == 2
    assert f"my.yaml --model_name_or_path {tmp_path}" in capsys.readouterr().err
    assert passed_on == []


def test_help_says_how_to_name_the_model(passed_on, capsys):
    assert evaluate.main(["--help"]) == 0
    assert "RUN_FOLDER" in capsys.readouterr().out and passed_on == []
