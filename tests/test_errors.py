"""Guesses at what an unknown name was meant to be."""

import pytest

from trainer.config.parser import parse
from trainer.errors import InputError, did_you_mean

NAMES = [
    "learning_rate",
    "learning-rate",
    "num_train_epochs",
    "folder",
    "do_predict",
    "dropout",
    "max_length",
]


@pytest.mark.parametrize(
    "name, meant",
    [
        ("learning_rat", "learning_rate"),
        ("max_len", "max_length"),
        ("lr", "learning_rate"),
        ("LR", "learning_rate"),
        ("n-epochs", "num_train_epochs"),
        ("max_seq_length", "max_length"),
        ("Do_Predict", "do_predict"),
        ("fold", "folder"),
    ],
)
def test_what_is_close_or_called_so_elsewhere_is_guessed(name, meant):
    assert did_you_mean(name, NAMES) == f" Did you mean '{meant}'?"


@pytest.mark.parametrize(
    "name", ["early_stopping_patience", "device", "xyz", "seed_everything", "gpu", "folders_of_x"]
)
def test_nothing_is_guessed_where_nothing_is_near(name):
    assert did_you_mean(name, NAMES) == ""


@pytest.mark.parametrize(
    "option, guess",
    [
        ("lr", "'learning_rate'"),
        ("epochs", "'num_train_epochs'"),
        ("optimizer", "'optim'"),
        ("model", "'model_name_or_path'"),
        ("max_seq_length", "'max_length'"),
        ("batch_size", "'per_device_train_batch_size'"),
        ("dropout", "'backbone_dropout'"),
    ],
)
def test_options_are_known_by_their_usual_names(option, guess, tmp_path):
    (tmp_path / "config.yaml").write_text(f"{option}: 1\n")
    for arguments in ([f"--{option}", "1"], [str(tmp_path / "config.yaml")]):
        with pytest.raises(InputError, match=f"unknown option '{option}'. Did you mean {guess}"):
            parse(arguments)


def test_two_spellings_of_an_option_are_one_completion():
    with pytest.raises(InputError, match="'stop'. Did you mean 'stopping_strategy'?"):
        parse(["--stop", "first_exhausted"])


@pytest.mark.parametrize("option", ["batch_size", "dropout", "labels", "kind"])
def test_a_task_s_field_given_to_the_run_is_sent_to_the_task(option):
    with pytest.raises(InputError, match=f"a task's entry.* --tasks.NAME.{option} value"):
        parse([f"--{option}", "1"])


@pytest.mark.parametrize("field, guess", [("lr", " Did you mean 'learning_rate'?"), ("zzz", "")])
def test_an_unknown_field_of_a_task_says_where_all_are_listed(field, guess):
    with pytest.raises(InputError) as caught:
        parse([f"--tasks.sentiment.{field}", "1"])
    assert f"unknown field '{field}'.{guess} The fields of a task are listed" in str(caught.value)
    assert "hybrid-mtl train --help-all" in str(caught.value)
