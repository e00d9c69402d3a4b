"""Training of ranking tasks: earlier rows in checkpoints, new runs and skipped steps."""

import pytest
import torch

from tests.toys import toy_model, toy_rows, toy_tokenizer
from trainer import HybridMTLTrainer, HybridMTLTrainingArguments
from trainer.errors import InputError

FIELDS = {"kind": "ranking", "input": "pair", "dropout": 0.0, "head_options": {"negatives": 10}}
TASKS = {
    "search": FIELDS,
    "near": {"kind": "similarity", "input": "pair", "score_range": [0, 5], "loss": "cosent"},
}


def matching_rows(count, seed, labels=None):
    rows = toy_rows("near", count, seed).remove_columns("labels")
    return rows.add_column("labels", [1.0] * count if labels is None else labels)


def trainer_for(folder, train_rows=None, model=None, **options):
    arguments = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 4,
        "max_steps": 5,
        "save_steps": 3,
        "save_strategy": "steps",
        "learning_rate": 1e-2,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "data_seed": 3,
        **options,
    }
    model = model or toy_model(TASKS)
    train = {"search": train_rows or matching_rows(24, 1), "near": toy_rows("near", 16, 1)}
    evaluation = {"search": matching_rows(11, 2), "near": toy_rows("near", 8, 2)}
    return HybridMTLTrainer(
        model,
        HybridMTLTrainingArguments(**arguments),
        train_dataset={name: train[name] for name in model.config.tasks},
        eval_dataset={name: evaluation[name] for name in model.config.tasks},
        processing_class=toy_tokenizer(),
    )


def test_a_resumed_run_has_the_earlier_rows_of_the_whole_run(tmp_path):
    whole, again = (trainer_for(tmp_path, logging_steps=1) for _ in range(2))
    whole.train()
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, again.model.state_dict()[name]), name
    memories = [part.model.heads["search"].memory for part in (whole, again)]
    assert torch.equal(memories[0].rows()[0], memories[1].rows()[0])
    assert (memories[0].rows()[1][:, 2] == 1).all()  # 20 rows were seen, 10 are kept


def test_training_moves_the_candidates_to_the_top(tmp_path):
    rows = matching_rows(24, 1)
    model = toy_model({"search": {**FIELDS, "head_options": {}}})
    part = trainer_for(
        tmp_path, rows, model, max_steps=30, save_strategy="no", per_device_train_batch_size=8
    )
    before = part.evaluate({"search": rows})
    part.train()
    after = part.evaluate({"search": rows})
    assert before["eval_search_mrr_at_10"] < 0.4 < 0.8 < after["eval_search_mrr_at_10"]


def test_a_new_run_starts_without_earlier_rows(tmp_path):
    part = trainer_for(tmp_path, max_steps=1, save_strategy="no")
    for _ in range(2):
        part.train()
        labels = part.model.heads["search"].memory.rows()[1]
        assert (labels[:, 2] == 1).sum() == 4


def test_earlier_rows_are_added_once_per_step(tmp_path):
    """Whatever further passes the step has, such as a second one for R-Drop."""
    options = {"rdrop_weight": 0.5, "gradient_accumulation_steps": 2}
    part = trainer_for(tmp_path, max_steps=1, save_strategy="no", **options)
    part.train()
    labels = part.model.heads["search"].memory.rows()[1]
    assert (labels[:, 2] == 1).sum() == 8


def test_predictions_hold_the_vectors_and_what_they_are_measured_by(tmp_path):
    part = trainer_for(tmp_path)
    output = part.predict({"search": matching_rows(11, 2)})
    assert output.predictions["search"].shape == (11, 2, 16)
    assert output.label_ids["search"].shape == (11, 3)
    assert 0 < output.metrics["test_search_mrr_at_10"] <= 1


def test_rows_without_a_label_are_left_out(tmp_path):
    labels = [None if i % 3 == 0 else float(i % 3 == 1) for i in range(24)]
    part = trainer_for(tmp_path, matching_rows(24, 1, labels), save_strategy="no")
    part.train()
    labels = part.model.heads["search"].memory.rows()[1][:, 2].tolist()
    assert {0, 1} <= set(labels) <= {0, 1, -1}


def test_labels_must_be_0_or_1(tmp_path):
    with pytest.raises(InputError, match=r"row 2: column 'labels' has 0.5; .* 1 for two texts"):
        trainer_for(tmp_path, matching_rows(24, 1, [1.0, 0.5] * 12))
    with pytest.raises(InputError, match=r"row 1: column 'labels' has -0.5"):
        trainer_for(tmp_path, matching_rows(24, 1, [-0.5, 1.0] * 12))


def test_several_processes_need_a_label_in_each_row(tmp_path, monkeypatch):
    part = trainer_for(tmp_path, matching_rows(24, 1, [1.0, None] * 12))
    part.make_sampler()
    monkeypatch.setattr(type(part.args), "world_size", property(lambda args: 2))
    with pytest.raises(InputError, match="task 'search': 12 training rows have no label"):
        part.make_sampler()
