import numpy as np
import pytest

from tests.toys import toy_rows, toy_trainer
from trainer.errors import InputError
from trainer.evaluation.predictions import TaskPredictions

HELPS = {"same": {"auxiliary": True}}


def answers(right):
    """Of three tasks; those of `same` are all right or all wrong."""
    classes = np.eye(3)[[0, 1, 2, 0]]
    return {
        "mood": TaskPredictions(classes, np.array([0, 1, 2, 1]), 0.5),
        "same": TaskPredictions(np.eye(2)[[0, 1]], np.array([0, 1] if right else [1, 0]), 9.0),
        "near": TaskPredictions(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 5.0]), 0.25),
    }


def test_an_auxiliary_tasks_answers_do_not_touch_the_score(tmp_path):
    trainer = toy_trainer(tmp_path, task_args=HELPS)
    right, wrong = (trainer.compute_all_metrics(answers(right)) for right in (True, False))
    assert (right["eval_same_accuracy"], wrong["eval_same_accuracy"]) == (1.0, 0.0)
    assert right["eval_overall"] == wrong["eval_overall"]
    pearson = right["eval_near_pearson"]
    assert right["eval_overall"] == pytest.approx((0.75 + (1 + pearson) / 2) / 2)
    assert right["eval_loss"] == 0.75 and right["eval_same_loss"] == 9.0
    assert toy_trainer(tmp_path).compute_all_metrics(answers(True))["eval_loss"] == 9.75


def test_an_auxiliary_task_is_trained_like_any_other(tmp_path):
    trainer, plain = toy_trainer(tmp_path, task_args=HELPS), toy_trainer(tmp_path)
    trainer.train()
    plain.train()
    theirs = dict(plain.model.named_parameters())
    for name, parameter in trainer.model.named_parameters():
        assert parameter.equal(theirs[name]), name


def test_alone_an_auxiliary_task_is_measured_without_a_score(tmp_path):
    trainer = toy_trainer(tmp_path, task_args=HELPS)
    metrics = trainer.evaluate({"same": toy_rows("same", 5)})
    assert "eval_same_accuracy" in metrics
    assert not {"eval_overall", "eval_loss"} & set(metrics)


def test_a_score_needs_a_task_that_is_not_auxiliary(tmp_path):
    both = {"mood": {"auxiliary": True}, **HELPS}
    with pytest.raises(InputError, match=r"auxiliary: all tasks are auxiliary \(mood, same\)"):
        toy_trainer(tmp_path, task_args=both, sizes={"mood": 8, "same": 8})


def test_auxiliary_is_true_or_false(tmp_path):
    with pytest.raises(InputError, match="task 'same': auxiliary = 'no': must be true or false"):
        toy_trainer(tmp_path, task_args={"same": {"auxiliary": "no"}})
