"""Subsets of the validation rows during training, all rows before and after it."""

import logging

import pytest
from transformers import TrainerCallback

from tests.toys import TASKS, toy_rows, toy_trainer
from trainer.config.tasks import read_tasks
from trainer.errors import InputError
from trainer.evaluation.subset import limit_validation_rows

LIMITS = {"mood": {"max_validation_rows": 4}, "near": {"max_validation_rows": 6}}


def drawn(seed, max_rows=5):
    rows = {name: toy_rows(name, 30) for name in ("mood", "same")}
    rows = {name: table.add_column("index", list(range(30))) for name, table in rows.items()}
    subsets = limit_validation_rows(rows, dict.fromkeys(rows, max_rows), seed)
    return {name: table["index"][:] for name, table in subsets.items()}


def test_rows_are_drawn_once_by_the_seed_for_each_task_its_own():
    found = drawn(3)
    assert found == drawn(3) != drawn(4)
    assert found["mood"] != found["same"] and len(set(found["mood"])) == 5
    assert found["mood"] == sorted(found["mood"]) and found["mood"] != [0, 1, 2, 3, 4]
    everything = {"mood": list(range(30)), "same": list(range(30))}
    assert drawn(3, None) == drawn(3, 30) == drawn(3, 31) == everything


class Batches(TrainerCallback):
    def __init__(self):
        self.seen = {}

    def on_prediction_step(self, args, state, control, **_):
        self.seen[state.global_step] = self.seen.get(state.global_step, 0) + 1


def test_all_rows_are_measured_before_the_first_step_and_after_the_last(tmp_path, caplog):
    batches = Batches()
    options = {"eval_strategy": "steps", "eval_steps": 2, "max_steps": 4, "eval_on_start": True}
    options |= {"per_device_eval_batch_size": 1, "task_args": LIMITS, "callbacks": [batches]}
    trainer = toy_trainer(tmp_path, **options)
    with caplog.at_level(logging.WARNING):
        trainer.train()
    assert batches.seen == {0: 33, 2: 4 + 11 + 6, 4: 4 + 11 + 6}
    for task, count in (("mood", 4), ("near", 6)):
        assert (
            f"Task '{task}': evaluations during training use a random {count} of its 11"
            in caplog.text
        )
    assert "Task 'same'" not in caplog.text
    last = [entry for entry in trainer.state.log_history if "eval_loss" in entry][-1]
    alone = {name: rows for name, rows in trainer.measured.items() if name != "same"}
    assert trainer.evaluate(alone)["eval_mood_loss"] == pytest.approx(last["eval_mood_loss"])
    assert {task: len(found.labels) for task, found in trainer.predict_tasks().items()} == (
        dict.fromkeys(TASKS, 11)
    )
    whole = trainer.evaluate()
    assert whole["eval_same_loss"] == last["eval_same_loss"]
    assert whole["eval_mood_loss"] != last["eval_mood_loss"]


@pytest.mark.parametrize("most", [0, -1, 2.5, True, "many"])
def test_a_wrong_number_of_rows_is_refused_by_task(tmp_path, most):
    with pytest.raises(InputError, match="task 'mood': max_validation_rows = .* whole number"):
        toy_trainer(tmp_path, task_args={"mood": {"max_validation_rows": most}})


def test_any_task_of_a_configuration_may_have_it():
    entries = {"sentiment": {"max_validation_rows": "500"}, "source": {"label_generator": "source"}}
    entries |= {"paraphrase": None}
    entries["source"]["max_validation_rows"] = 20
    tasks = read_tasks(entries)
    assert tasks["sentiment"].training.max_validation_rows == 500
    assert tasks["source"].derived.max_validation_rows == 20
    assert tasks["paraphrase"].training.max_validation_rows is None
