import json
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import torch
from transformers import TrainerState

from tests.toys import TASKS, toy_model, toy_rows, toy_tokenizer, toy_trainer, whole_and_resumed
from trainer import HybridMTLTrainer, HybridMTLTrainingArguments
from trainer.data import Collator
from trainer.errors import InputError
from trainer.evaluation import overall_score
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
    assert {key for key in entry if "/" in key} == expected
    assert logged_cosines([entry], list(names)).keys() == {k for k in expected if "cosine" in k}
    assert entry["loss"] == pytest.approx(sum(entry[f"loss/{name}"] for name in names), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({"max_steps": 2}, 2 * 3 * 4),
        ({"max_steps": 5, "step_every": "batch"}, 5 * 4),
        ({"max_steps": 2, "gradient_accumulation_steps": 2}, 2 * 2 * 3 * 4),
        ({"max_steps": 1, "task_args": {"mood": {"batch_size": 1}}}, 1 + 4 + 4),
        # The last batch of `mood` and of `near` has one row.
        ({"num_train_epochs": 1, "sizes": {"mood": 5, "near": 5}}, 5 + 5),
    ],
    ids=str,
)
def test_the_speed_counts_the_rows_that_were_trained_on(tmp_path, options, rows):
    metrics = toy_trainer(tmp_path, **options).train().metrics
    seen = metrics["train_samples_per_second"] * metrics["train_runtime"]
    assert seen == pytest.approx(rows, rel=0.02)


def test_the_speed_of_a_resumed_run_is_of_what_it_trained_itself(tmp_path):
    whole, again = whole_and_resumed(tmp_path)
    rows = []
    for trainer in (whole, again):
        last = trainer.state.log_history[-1]
        rows.append(last["train_samples_per_second"] * last["train_runtime"])
    assert rows == pytest.approx([8 * 12, 2 * 12], rel=0.02)


def passes_of_each_step(trainer, steps):
    """How often the encoder is called in each step."""
    calls = Counter()
    encoder = trainer.model.backbone
    encoder.register_forward_pre_hook(lambda *_: calls.update([trainer.state.global_step]))
    trainer.args.max_steps = steps
    trainer.train()
    return [calls[step] for step in range(steps)]


def test_a_cycle_is_one_pass_but_when_gradients_are_measured(tmp_path):
    assert passes_of_each_step(toy_trainer(tmp_path, logging_steps=3), 5) == [3, 1, 1, 3, 1]
    turns = toy_trainer(tmp_path, logging_steps=3, step_every="batch")
    assert passes_of_each_step(turns, 4) == [1, 1, 1, 1]


@pytest.mark.parametrize("option", [{"aggregator": "pcgrad"}, {"gradient_cosines": True}])
def test_tasks_take_passes_of_their_own_where_their_gradients_are_needed(tmp_path, option):
    assert passes_of_each_step(toy_trainer(tmp_path, logging_steps=3, **option), 2) == [3, 3]


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")  # of embeddings, as it should
def test_an_encoder_that_pads_keeps_one_tasks_activations_at_a_time(tmp_path):
    trainer = toy_trainer(tmp_path, logging_steps=100, max_steps=2)
    trainer.model.unpadding = False
    events = []
    encoder = trainer.model.backbone
    encoder.register_forward_pre_hook(lambda *_: events.append("forward"))
    encoder.embeddings.register_full_backward_hook(lambda *_: events.append("backward"))
    trainer.train()
    assert events == ["forward", "backward"] * 6


def test_activations_computed_again_are_those_of_the_tasks_own_adapter(tmp_path):
    weights = []
    for again in (False, True):
        options = {"trainable": "adapters", "logging_steps": 100, "activation_checkpointing": again}
        trainer = toy_trainer(tmp_path / str(again), max_steps=4, **options)
        trainer.train()
        weights.append(trainer.model.state_dict())
    for key, weight in weights[0].items():
        torch.testing.assert_close(weights[1][key], weight, msg=key)


def test_a_run_that_goes_on_takes_the_same_passes(tmp_path):
    whole, again = whole_and_resumed(tmp_path, logging_steps=4, eval_strategy="no")
    for ours, theirs in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_turn_moves_its_own_head_and_the_backbone_only(tmp_path):
    trainer = toy_trainer(tmp_path, step_every="batch", max_steps=1, weight_decay=0.1)
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    trainer.train()
    moved = {n for n, p in trainer.model.named_parameters() if not torch.equal(p, before[n])}
    assert any(name.startswith("backbone.") for name in moved)
    assert {n for n in moved if n.startswith("heads.")} == {
        "heads.mood.layers.1.weight",
        "heads.mood.layers.1.bias",
    }


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"stopping_strategy": "first_exhausted"}, 2 * 2),
        ({"stopping_strategy": "all_exhausted"}, 2 * 3),
        ({"stopping_strategy": "all_exhausted", "step_every": "batch"}, 2 * 3 * 3),
        ({"cycles_per_epoch": 1}, 2 * 1),
        ({"cycles_per_epoch": 5}, 2 * 5),
        ({"task_args": {"near": {"batch_size": 12}}}, 2 * 1),
        ({"cycles_per_epoch": 3, "gradient_accumulation_steps": 2}, 2 * 2),
        # 8 batches in all, in whole cycles of three turns.
        ({"task_sampling": "proportional", "step_every": "batch"}, 2 * 9),
        (
            {
                "task_sampling": "uniform",
                "step_every": "batch",
                "stopping_strategy": "all_exhausted",
            },
            2 * 3 * 3,
        ),
    ],
)
def test_number_of_steps(tmp_path, options, steps):
    sizes = {"mood": 8, "same": 12, "near": 12}
    trainer = toy_trainer(tmp_path, sizes=sizes, logging_strategy="no", **options)
    trainer.train()
    assert trainer.state.global_step == steps


def test_batches_have_each_tasks_own_size(tmp_path):
    sizes = {"mood": {"batch_size": 3}, "near": {"batch_size": 6}}
    trainer = toy_trainer(tmp_path, task_args=sizes)
    step = next(iter(trainer.get_train_dataloader()))
    assert {task: len(batch["labels"]) for task, batch in step.items()} == {
        "mood": 3,
        "same": 4,
        "near": 6,
    }


def test_task_order_is_the_order_of_turns(tmp_path):
    trainer = toy_trainer(tmp_path, step_every="batch", task_order=["near", "mood", "same"])
    steps = [list(step) for step in trainer.get_train_dataloader()]
    assert steps[:4] == [["near"], ["mood"], ["same"], ["near"]]


def test_a_fixed_plan_is_the_order_of_turns(tmp_path):
    order = ["near", "mood", "near", "same"]
    trainer = toy_trainer(tmp_path, step_every="batch", task_sampling="fixed", task_sequence=order)
    steps = [list(step) for step in trainer.get_train_dataloader()]
    assert steps[:8] == [[task] for task in order] * 2


def test_a_sampled_plan_trains_tasks_by_the_size_of_their_data(tmp_path):
    sizes = {"mood": 160, "same": 16, "near": 4}
    trainer = toy_trainer(tmp_path, sizes=sizes, step_every="batch", task_sampling="proportional")
    counts = Counter(task for step in trainer.get_train_dataloader() for task in step)
    assert counts["mood"] > 5 * counts["same"] > 5 * counts["near"]
    uniform = toy_trainer(
        tmp_path, sizes=sizes, step_every="batch", task_sampling="uniform", cycles_per_epoch=90
    )
    counts = Counter(task for step in uniform.get_train_dataloader() for task in step)
    assert all(70 < counts[task] < 110 for task in TASKS)


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
    kinds = {task: entry["kind"] for task, entry in TASKS.items()}
    assert metrics["eval_overall"] == pytest.approx(overall_score(metrics, kinds))
    by_hand = (
        metrics["eval_mood_accuracy"]
        + metrics["eval_same_accuracy"]
        + (1 + metrics["eval_near_pearson"]) / 2
    ) / 3
    assert metrics["eval_overall"] == pytest.approx(by_hand)
    assert metrics["eval_loss"] == pytest.approx(sum(metrics[f"eval_{t}_loss"] for t in TASKS))


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
        toy_trainer(tmp_path, metric_for_best_model=known, greater_is_better=True)


def test_a_task_is_not_called_as_the_shared_parameters_are(tmp_path):
    with pytest.raises(
        InputError, match="task 'shared': 'shared' is reserved for parameters of no"
    ):
        toy_trainer(tmp_path, model=toy_model({"shared": TASKS["mood"]}), sizes={"mood": 8})


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


def test_flops_count_tokens_of_all_batches(tmp_path):
    trainer = toy_trainer(tmp_path)
    step = next(iter(trainer.get_train_dataloader()))
    tokens = sum(
        batch[name].numel() for batch in step.values() for name in batch if "input_ids" in name
    )
    outside = trainer.model.num_parameters(exclude_embeddings=True)
    assert trainer.floating_point_ops(step) == 6.0 * tokens * outside


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
