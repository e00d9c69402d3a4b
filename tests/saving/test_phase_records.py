"""A finished phase's account, and the log of a whole run."""

import pytest

from trainer.errors import InputError
from trainer.saving.phase_records import PhaseRecord, merge_histories, read_record, write_record


def test_an_account_comes_back_from_its_folder(tmp_path):
    record = PhaseRecord("a", 3, 1.0, 2.5, [{"loss": 1.0, "step": 1}])
    assert read_record(tmp_path) is None
    write_record(record, tmp_path)
    assert read_record(tmp_path) == record


def test_a_damaged_account_is_named(tmp_path):
    (tmp_path / "phase.json").write_text('{"name": "a"')
    with pytest.raises(InputError, match=r"phase\.json' is damaged"):
        read_record(tmp_path)


def test_steps_and_epochs_go_on_from_phase_to_phase():
    first = PhaseRecord("a", 4, 2.0, 1.0, [{"loss": 1.0, "step": 2, "epoch": 1.0}])
    second = PhaseRecord("b", 5, 1.0, 1.0, [{"loss": 0.5, "step": 5, "epoch": 1.0}])
    assert merge_histories([first, second], ["x"]) == [
        {"loss": 1.0, "step": 2, "epoch": 1.0, "phase": "a"},
        {"loss": 0.5, "step": 9, "epoch": 3.0, "phase": "b"},
    ]


def test_an_overall_score_of_some_tasks_is_left_out():
    entry = {"eval_overall": 0.5, "eval_x_loss": 1.0, "step": 1, "epoch": 1.0}
    record = PhaseRecord("a", 1, 1.0, 1.0, [entry])
    assert "eval_overall" in merge_histories([record], ["x"])[0]
    assert "eval_overall" not in merge_histories([record], ["x", "y"])[0]
