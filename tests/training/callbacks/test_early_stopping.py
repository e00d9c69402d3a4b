import pytest
import torch

from tests.toys import toy_trainer
from trainer import HybridMTLTrainingArguments
from trainer.errors import InputError


def trainer_that_stops(folder, **options):
    # Steps this small make no evaluation after the first better.
    return toy_trainer(
        folder,
        eval_strategy="steps",
        eval_steps=2,
        save_strategy="steps",
        save_steps=2,
        max_steps=20,
        load_best_model_at_end=True,
        learning_rate=1e-9,
        early_stopping_patience=2,
        early_stopping_threshold=0.01,
        **options,
    )


def evaluations(trainer):
    return [entry["step"] for entry in trainer.state.log_history if "eval_overall" in entry]


def test_training_stops_without_a_better_metric(tmp_path, capsys):
    trainer = trainer_that_stops(tmp_path)
    trainer.train()
    assert evaluations(trainer) == [2, 4, 6]
    assert trainer.state.global_step == 6
    expected = "early stopping after step 6: eval_overall did not improve in 2 evaluations\n"
    assert expected in capsys.readouterr().out


def test_a_resumed_run_stops_where_the_whole_one_does(tmp_path):
    whole = trainer_that_stops(tmp_path)
    whole.train()
    again = trainer_that_stops(tmp_path)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert evaluations(again) == evaluations(whole)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name])


def test_a_run_that_had_stopped_is_not_evaluated_again(tmp_path):
    trainer_that_stops(tmp_path).train()
    again = trainer_that_stops(tmp_path)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-6"))
    assert evaluations(again) == [2, 4, 6]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"early_stopping_patience": 3}, "early_stopping_patience = 3: set load_best_model_at_end"),
        (
            {"early_stopping_threshold": 0.1},
            "early_stopping_threshold = 0.1: has no effect",
        ),
        ({"early_stopping_patience": 0}, "early_stopping_patience = 0: must be a number, 1 or"),
    ],
)
def test_options_that_cannot_work_are_refused(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        HybridMTLTrainingArguments(output_dir=str(tmp_path), **options)
