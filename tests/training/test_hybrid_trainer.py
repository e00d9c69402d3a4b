import json
from itertools import combinations

import pytest
import torch
from transformers import TrainerState

from tests.toys import TASKS, toy_model, toy_rows, toy_tokenizer, toy_trainer
from trainer import HybridMTLTrainer, HybridMTLTrainingArguments
from trainer.errors import InputError
from trainer.evaluation.results import logged_cosines


def training_logs(trainer):
    return [entry for entry in trainer.state.log_history if "loss" in entry]


def test_logs_name_each_task_loss_gradient_norm_and_learning_rate(tmp_path):
    rates = {"mood": {"learning_rate": 4e-3}, "near": {"learning_rate": 2e-3}}
    trainer = toy_trainer(tmp_path, task_args=rates, learning_rate=1e-3, warmup_steps=4)
    trainer.train()
    logs = training_logs(trainer)
    assert len(logs) == trainer.state.global_step == 12
    for entry in logs:
        losses = [entry[f"loss/{task}"] for task in TASKS]
        assert entry["loss"] == pytest.approx(sum(losses), rel=1e-4)
        assert all(entry[f"grad_norm/{task}"] > 0 for task in TASKS)
        shared = entry["learning_rate/shared"]
        assert entry["learning_rate"] == shared
        assert entry["learning_rate/mood"] == pytest.approx(4 * shared)
        assert entry["learning_rate/near"] == pytest.approx(2 * shared)
        assert entry["learning_rate/same"] == pytest.approx(shared)
    # Linear warm-up over four steps, then linear decay.
    assert logs[4]["learning_rate/shared"] == pytest.approx(1e-3)
    assert logs[2]["learning_rate/shared"] == pytest.approx(5e-4)


def test_logged_gradient_norm_is_the_tasks_own(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=1)
    first = next(iter(trainer.get_train_dataloader()))
    expected = {}
    for task, batch in first.items():
        model = toy_model()
        model(**batch, task=task).loss.backward()
        squares = [p.grad.square().sum() for p in model.parameters() if p.grad is not None]
        expected[task] = torch.stack(squares).sum().sqrt().item()
    trainer.train()
    entry = training_logs(trainer)[0]
    for task, value in expected.items():
        assert entry[f"grad_norm/{task}"] == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("names", [("x", "x_y", "y_z", "z"), ("a", "weight_a", "weights", "a_b")])
def test_tasks_of_any_names_have_log_entries_of_their_own(tmp_path, names):
    options = {"loss_weights": "uncertainty", "aggregator": "pcgrad", "max_steps": 1}
    trainer = HybridMTLTrainer(
        toy_model(dict.fromkeys(names, TASKS["mood"])),
        toy_trainer(tmp_path, **options).args,
        train_dataset={name: toy_rows("mood", 8, seed) for seed, name in enumerate(names)},
        processing_class=toy_tokenizer(),
    )
    trainer.train()
    (entry,) = training_logs(trainer)
    per_task = ("loss", "grad_norm", "learning_rate", "loss_weight")
    expected = {f"{quantity}/{name}" for quantity in per_task for name in names}
    expected |= {f"learning_rate/{name}" for name in ("shared", "loss_weights")}
    expected |= {f"gradient_cosine/{a}/{b}" for a, b in combinations(names, 2)}
    layers = ("embeddings", "layer_0", "layer_1")
    pairs = {key for key in expected if "cosine" in key}
    in_layers = {f"{pair}/{layer}" for pair in pairs for layer in layers}
    assert {key for key in entry if "/" in key} == expected | in_layers
    assert logged_cosines([entry], list(names)).keys() == {k for k in expected if "cosine" in k}
    assert entry["loss"] == pytest.approx(sum(entry[f"loss/{name}"] for name in names), rel=1e-4)


def test_training_learns(tmp_path):
    trainer = toy_trainer(
        tmp_path,
        sizes={"mood": 24, "same": 24, "near": 24},
        learning_rate=1e-2,
        num_train_epochs=25,
        logging_steps=6,
    )
    trainer.train()
    logs = training_logs(trainer)
    for task in TASKS:
        assert logs[-1][f"loss/{task}"] < 0.7 * logs[0][f"loss/{task}"]


def test_best_model_by_overall_score_is_loaded_at_the_end(tmp_path):
    trainer = toy_trainer(
        tmp_path,
        eval_strategy="steps",
        eval_steps=3,
        save_strategy="steps",
        save_steps=3,
        load_best_model_at_end=True,
        learning_rate=5e-2,
    )
    trainer.train()
    scores = [e["eval_overall"] for e in trainer.state.log_history if "eval_overall" in e]
    assert trainer.state.best_metric == max(scores)
    # Checkpoints are written in another place than they stand in.
    for checkpoint in tmp_path.glob("checkpoint-*"):
        state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
        assert state.best_model_checkpoint == str(tmp_path / f"checkpoint-{state.best_global_step}")
    assert trainer.evaluate()["eval_overall"] == pytest.approx(max(scores), abs=1e-6)


def test_checkpoints_hold_no_pickled_arguments(tmp_path):
    trainer = toy_trainer(tmp_path, save_strategy="epoch", num_train_epochs=1)
    trainer.train()
    names = {path.name for path in (tmp_path / "checkpoint-6").iterdir()}
    assert "training_args.bin" not in names
    assert {"model.safetensors", "config.json", "tokenizer.json", "optimizer.pt"} <= names
    torch.load(tmp_path / "checkpoint-6" / "optimizer.pt", weights_only=True)
    config = json.loads((tmp_path / "checkpoint-6" / "config.json").read_text())
    assert config["model_type"] == "hybrid_mtl"


def test_a_run_that_ended_within_an_epoch_takes_no_step_more_when_resumed(tmp_path):
    options = {"max_steps": 2, "save_strategy": "steps", "save_steps": 1}
    toy_trainer(tmp_path, lr_scheduler_type="constant", **options).train()
    again = toy_trainer(tmp_path, lr_scheduler_type="constant", **options)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert again.state.global_step == 2
    assert not (tmp_path / "checkpoint-3").exists()


def test_token_classification_trains_beside_other_tasks(tmp_path):
    tags = {"kind": "token_classification", "labels": ["a", "b"], "dropout": 0.0}
    rows = toy_rows("mood", 16)
    tagged = rows.map(
        lambda row: {"labels": [-100, *[i % 2 for i in row["input_ids"][1:-1]], -100]},
        remove_columns="labels",
    )
    trainer = HybridMTLTrainer(
        toy_model({"mood": TASKS["mood"], "tags": tags}),
        HybridMTLTrainingArguments(
            output_dir=str(tmp_path),
            num_train_epochs=12,
            learning_rate=2e-2,
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset={"mood": rows, "tags": tagged},
        eval_dataset={"mood": rows, "tags": tagged},
        processing_class=toy_tokenizer(),
    )
    trainer.train()
    found = trainer.predict_tasks()["tags"]
    assert len(found.labels) == sum(len(ids) - 2 for ids in rows["input_ids"])
    assert trainer.evaluate()["eval_tags_accuracy"] > 0.9


def test_model_data_and_arguments_must_name_the_same_tasks(tmp_path):
    with pytest.raises(InputError, match="task_args: no task 'moods'"):
        toy_trainer(tmp_path, task_args={"moods": {"learning_rate": 1e-3}})
    with pytest.raises(InputError, match="task_order: must name each trained task once"):
        toy_trainer(tmp_path, task_order=["mood"])
    fixed = {"task_sampling": "fixed", "step_every": "batch"}
    with pytest.raises(InputError, match="task_sequence: task 'same' is missing"):
        toy_trainer(tmp_path, task_sequence=["mood", "near"], **fixed)
    with pytest.raises(InputError, match="_dataset: no task 'same'"):
        toy_trainer(tmp_path, model=toy_model({"mood": TASKS["mood"]}))


@pytest.mark.parametrize("name", ["eval_overal", "accuracy", "eval_mood_pearson"])
def test_a_metric_that_is_never_measured_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=f"metric_for_best_model = '{name}': must be one of eval_"):
        toy_trainer(tmp_path, metric_for_best_model=name)
    for known in ("mood_accuracy", "eval_near_pearson", "eval_same_loss", "overall"):
        greater = not known.endswith("loss")
        toy_trainer(tmp_path, metric_for_best_model=known, greater_is_better=greater)


def test_a_task_is_not_called_as_the_shared_parameters_are(tmp_path):
    with pytest.raises(
        InputError, match="task 'shared': 'shared' is reserved for parameters of no"
    ):
        toy_trainer(tmp_path, model=toy_model({"shared": TASKS["mood"]}), sizes={"mood": 8})


def test_a_compiled_model_is_what_is_trained(tmp_path):
    trainer = toy_trainer(
        tmp_path, torch_compile=True, torch_compile_backend="eager", max_steps=1, sizes={"mood": 8}
    )
    seen = []
    model = trainer.model
    forward = model.forward
    model.forward = lambda *a, **k: seen.append(torch.compiler.is_compiling()) or forward(*a, **k)
    trainer.train()
    assert seen and all(seen)


@pytest.mark.parametrize("kind", ["fsdp", "deepspeed"])
def test_a_launcher_that_divides_parameters_is_refused_by_name(tmp_path, monkeypatch, kind):
    """`accelerate launch` asks for it by environment variables, and only where there are GPUs."""
    real = HybridMTLTrainer.create_accelerator_and_postprocess

    def asked(trainer):
        real(trainer)
        setattr(trainer, f"is_{kind}_enabled", True)

    monkeypatch.setattr(HybridMTLTrainer, "create_accelerator_and_postprocess", asked)
    with pytest.raises(InputError, match="^FSDP and DeepSpeed .* without them$"):
        toy_trainer(tmp_path)


def test_compiling_in_several_processes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(HybridMTLTrainingArguments, "world_size", 2)
    with pytest.raises(InputError, match="torch_compile: only supported with one process"):
        toy_trainer(tmp_path, torch_compile=True)
