import numpy as np
import pytest
import torch

from tests.toys import TASKS, toy_rows, toy_trainer
from trainer.data import Collator
from trainer.errors import InputError
from trainer.evaluation.predictions import TaskPredictions

HELPS = {"same": {"auxiliary": True}}


def answers(right):
    """Of three tasks; those of `same` are all right or all wrong."""
    same = np.array([0, 1])
    moods, scores = np.array([0, 1, 2, 0]), np.array([1.0, 2.0, 4.0])
    return {
        "mood": TaskPredictions(np.eye(3)[moods], moods, np.array([0, 1, 2, 1]), 0.5),
        "same": TaskPredictions(np.eye(2)[same], same, same if right else 1 - same, 9.0),
        "near": TaskPredictions(scores, scores, np.array([2.0, 4.0, 5.0]), 0.25),
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


def test_evaluation_equals_one_row_at_a_time_in_the_rows_order(tmp_path):
    trainer = toy_trainer(tmp_path)
    found = trainer.predict_tasks()
    model = trainer.model.eval()
    collator = Collator(trainer.tasks, 0)
    for task, rows in trainer.eval_dataset.items():
        answers, losses = [], []
        for index in range(len(rows)):
            batch = collator.collate(task, rows[[index]])
            with torch.no_grad():
                output = model(**batch, task=task)
            answers.append(model.heads[task].postprocess(output.logits)[0].numpy())
            losses.append(output.loss.item())
        np.testing.assert_allclose(found[task].outputs, np.stack(answers), atol=1e-5)
        assert found[task].labels.tolist() == pytest.approx(rows["labels"][:])
        assert found[task].loss == pytest.approx(np.mean(losses), rel=1e-4)


def test_evaluate_names_every_metric_and_fires_once(tmp_path):
    trainer = toy_trainer(tmp_path, eval_strategy="epoch")
    trainer.train()
    entries = [entry for entry in trainer.state.log_history if "eval_overall" in entry]
    assert [entry["step"] for entry in entries] == [6, 12]
    metrics = entries[-1]
    by_hand = (
        metrics["eval_mood_accuracy"]
        + metrics["eval_same_accuracy"]
        + (1 + metrics["eval_near_pearson"]) / 2
    ) / 3
    assert metrics["eval_overall"] == pytest.approx(by_hand)
    assert metrics["eval_loss"] == pytest.approx(sum(metrics[f"eval_{t}_loss"] for t in TASKS))


def test_a_main_metric_and_a_weight_make_another_score(tmp_path):
    task_args = {
        "mood": {"main_metric": "f1", "score_weight": 3},
        "near": {"score_weight": 0},
    }
    metrics = toy_trainer(tmp_path, task_args=task_args).evaluate()
    by_hand = (3 * metrics["eval_mood_f1"] + metrics["eval_same_accuracy"]) / 4
    assert metrics["eval_overall"] == pytest.approx(by_hand)
    assert metrics["eval_loss"] == pytest.approx(sum(metrics[f"eval_{t}_loss"] for t in TASKS))


def test_wrong_parts_of_the_score_are_refused(tmp_path):
    wrong = {"mood": {"main_metric": "acuracy"}}
    with pytest.raises(InputError, match="task 'mood': main_metric = 'acuracy': a task of kind"):
        toy_trainer(tmp_path, task_args=wrong)
    with pytest.raises(InputError, match="'mood': score_weight = -1"):
        toy_trainer(tmp_path, task_args={"mood": {"score_weight": -1}})
    with pytest.raises(InputError, match="score_weight: is 0 for mood, same, near, and the"):
        toy_trainer(tmp_path, task_args={name: {"score_weight": 0} for name in TASKS})


def test_rows_of_an_unknown_task_are_not_evaluated(tmp_path):
    with pytest.raises(InputError, match="eval_dataset: no task 'nope' in the model; its tasks: "):
        toy_trainer(tmp_path).evaluate({"nope": toy_rows("mood", 3)})


def test_predict_gives_answers_labels_and_metrics_by_task(tmp_path):
    trainer = toy_trainer(tmp_path)
    rows = {"mood": toy_rows("mood", 7), "near": toy_rows("near", 9)}
    found = trainer.predict(rows)
    assert found.predictions["mood"].shape == (7, len(TASKS["mood"]["labels"]))
    assert found.predictions["near"].shape == (9,)
    assert found.label_ids["mood"].tolist() == rows["mood"]["labels"][:]
    expected = trainer.evaluate(rows, metric_key_prefix="test")
    assert found.metrics["test_overall"] == expected["test_overall"]
