"""Training on streamed rows: exact resume, schedules, and refused options."""

import pytest
import torch

from tests.toys import TASKS, toy_model, toy_rows, toy_tokenizer, toy_trainer
from trainer import HybridMTLTrainer
from trainer.data import TaskSource, stream_rows
from trainer.data.readers import blocks
from trainer.errors import InputError


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(blocks, "BLOCK", 5)


def mood_stream(folder, **fields):
    folder.mkdir(exist_ok=True)
    for part in range(2):
        rows = [f"{'w1 ' * (i % 5)}w{i + part},{i % 3}" for i in range(13)]
        (folder / f"{part}.csv").write_text("\n".join(["text,label", *rows]))
    source = TaskSource(streaming=True, shuffle_buffer=8, **fields)
    model = toy_model()
    task = model.config.task("mood")
    return stream_rows("mood", task, source, str(folder), toy_tokenizer(), 16)


def streaming_trainer(folder, fields=None, **options):
    """A trainer of the toy tasks, whose rows for `mood` are streamed."""
    trainer = toy_trainer(folder, **{"save_strategy": "steps", "save_steps": 5, **options})
    trainer.train_dataset.tasks["mood"] = mood_stream(folder / "rows", **(fields or {}))
    return trainer


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


@pytest.mark.parametrize(
    "options",
    [
        {"step_every": "batch", "task_sampling": "uniform", "cycles_per_epoch": 3},
        {"cycles_per_epoch": 4},
        {"cycles_per_epoch": 20, "gradient_accumulation_steps": 2},
        {"step_every": "batch", "task_sampling": "proportional", "fields": {"train_rows": 26}},
    ],
    ids=["sampled", "cycles", "accumulated", "proportional"],
)
def test_a_resumed_run_is_bit_exact(tmp_path, options):
    options = {"max_steps": 12, "seed": 4, "data_seed": 5, **options}
    whole = streaming_trainer(tmp_path, **options)
    whole.train()
    again = streaming_trainer(tmp_path, **options)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-5"))
    expected, found = weights(whole), weights(again)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    # It went on in the stream, and did not begin again.
    assert again._streamed["mood"].state_dict() == whole._streamed["mood"].state_dict()
    assert whole._streamed["mood"].state_dict()["batch"] > 0


def test_a_run_of_epochs_has_the_given_cycles(tmp_path):
    trainer = streaming_trainer(
        tmp_path, cycles_per_epoch=2, num_train_epochs=3, save_strategy="no"
    )
    assert trainer.train().global_step == 6


def test_the_number_of_rows_determines_the_epoch(tmp_path):
    sizes = {"mood": 1, "same": 40, "near": 40}
    trainer = streaming_trainer(
        tmp_path, {"train_rows": 26}, sizes=sizes, num_train_epochs=1, save_strategy="no"
    )
    assert trainer.train().global_step == 7


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, "task 'mood': streaming: the length of an epoch is unknown.*cycles_per_epoch"),
        (
            {"cycles_per_epoch": 2, "step_every": "batch", "task_sampling": "temperature"},
            "task_sampling = 'temperature': needs the number of rows of task 'mood'",
        ),
        ({"cycles_per_epoch": 2, "dataloader_num_workers": 1}, "dataloader_num_workers = 1"),
    ],
)
def test_options_that_need_the_number_of_rows_are_refused(tmp_path, options, error):
    with pytest.raises(InputError, match=error):
        streaming_trainer(tmp_path, **options).train()


def test_streams_are_for_training_only_and_checked(tmp_path):
    rows = mood_stream(tmp_path)
    arguments = {"processing_class": toy_tokenizer()}
    trainer = HybridMTLTrainer(
        toy_model({"mood": TASKS["mood"]}), train_dataset={"mood": rows}, **arguments
    )
    assert trainer.train_dataset.tasks["mood"] is rows
    with pytest.raises(InputError, match=r"eval_dataset, task 'mood': is a StreamedRows"):
        HybridMTLTrainer(
            toy_model({"mood": TASKS["mood"]}),
            train_dataset={"mood": toy_rows("mood", 8)},
            eval_dataset={"mood": rows},
            **arguments,
        )
    with pytest.raises(InputError, match="labels of this task"):
        HybridMTLTrainer(
            toy_model({"mood": {**TASKS["mood"], "labels": ["bad", "good"]}}),
            train_dataset={"mood": rows},
            **arguments,
        )
