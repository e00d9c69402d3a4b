"""Pairs of runs that must give the same weights, compared step by step."""

import pytest
import torch
from transformers import TrainerCallback

from modeling_hybrid_mtl.onednn_hybrid_mtl import onednn_matmul
from tests.toys import toy_model, toy_trainer
from trainer.optimization import SHARED


class Snapshots(TrainerCallback):
    """The weights after every optimizer step."""

    def __init__(self):
        self.steps = []

    def on_step_end(self, args, state, control, model=None, **kwargs):
        self.steps.append({n: p.detach().clone() for n, p in model.named_parameters()})


# Three steps an epoch, and two epochs.
FEW = {"mood": 12, "same": 16, "near": 12}


def weights_by_step(folder, **options):
    snapshots = Snapshots()
    trainer = toy_trainer(folder, callbacks=[snapshots], **{"sizes": FEW, **options})
    trainer.train()
    return snapshots.steps


def assert_equal_runs(first, second, **tolerance):
    assert len(first) == len(second) > 0
    for step, (a, b) in enumerate(zip(first, second, strict=True)):
        for name in a:
            torch.testing.assert_close(
                a[name], b[name], msg=lambda m, s=step, n=name: f"step {s}, {n}: {m}", **tolerance
            )


EXACT = {"rtol": 0, "atol": 0}


def separate_optimizers(model, rates, decays, decayed):
    """The paper's layout taken literally: one AdamW object per head and one for the rest."""
    owned = {name: [] for name in rates}
    for name, parameter in model.named_parameters():
        owner = name.split(".")[1] if name.startswith("heads.") else SHARED
        owned[owner].append((name, parameter))
    optimizers = []
    for owner, parameters in owned.items():
        groups = [
            {"params": [p for n, p in parameters if n in decayed], "weight_decay": decays[owner]},
            {"params": [p for n, p in parameters if n not in decayed], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        if groups:
            optimizers.append(torch.optim.AdamW(groups, lr=rates[owner], fused=True))
    return optimizers


@pytest.mark.parametrize("step_every", ["cycle", "batch"])
def test_siloed_equals_separate_optimizers(tmp_path, step_every):
    rates = {SHARED: 1e-3, "mood": 2e-2, "same": 3e-2, "near": 5e-3}
    decays = {SHARED: 0.2, "mood": 0.1, "same": 0.05, "near": 0.3}
    near = {"near": {"kind": "similarity", "input": "pair", "score_range": [0, 5]}}
    near["near"].update(hidden_sizes=[8], dropout=0.0)
    tasks = {**toy_model().config.tasks, **near}
    options = {
        "step_every": step_every,
        "learning_rate": rates[SHARED],
        "weight_decay": decays[SHARED],
        "lr_scheduler_type": "constant",
        "max_grad_norm": 1.0,
        "task_args": {
            task: {"learning_rate": rates[task], "weight_decay": decays[task]} for task in tasks
        },
    }
    ours = weights_by_step(tmp_path / "ours", model=toy_model(tasks), **options)

    reference = toy_trainer(tmp_path / "reference", sizes=FEW, model=toy_model(tasks), **options)
    model = reference.model
    decayed = set(reference.get_decay_parameter_names(model))
    optimizers = separate_optimizers(model, rates, decays, decayed)
    loader = reference.get_train_dataloader()
    theirs = []
    # As in training, to the last digits.
    with onednn_matmul:
        for epoch in range(2):
            loader.set_epoch(epoch)
            for step in loader:
                for task, batch in step.items():
                    model(**batch, task=task).loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                for optimizer in optimizers:
                    optimizer.step()
                    optimizer.zero_grad()
                theirs.append({n: p.detach().clone() for n, p in model.named_parameters()})
    assert_equal_runs(ours, theirs, **EXACT)


def test_a_step_of_three_equals_three_batches_accumulated(tmp_path):
    cycles = weights_by_step(tmp_path / "a", step_every="cycle")
    batches = weights_by_step(tmp_path / "b", step_every="batch", gradient_accumulation_steps=3)
    assert_equal_runs(cycles, batches, **EXACT)


def test_accumulating_four_quarters_equals_one_whole_batch(tmp_path):
    options = {"sizes": {"mood": 24, "same": 32, "near": 24}, "length_window": 0}
    whole = weights_by_step(tmp_path / "a", per_device_train_batch_size=8, **options)
    quarters = weights_by_step(
        tmp_path / "b", per_device_train_batch_size=2, gradient_accumulation_steps=4, **options
    )
    assert_equal_runs(whole, quarters, rtol=1e-3, atol=2e-5)


def test_measuring_gradients_changes_nothing(tmp_path):
    # Whose gradients are measured have passes of their own, and those round in ways of their own.
    often = weights_by_step(tmp_path / "a", logging_steps=1)
    seldom = weights_by_step(tmp_path / "b", logging_steps=100)
    assert_equal_runs(often, seldom, rtol=1e-3, atol=2e-5)


def test_a_fixed_order_of_one_round_equals_round_robin(tmp_path):
    batches = weights_by_step(tmp_path / "a", step_every="batch")
    order = {"task_sampling": "fixed", "task_sequence": ["mood", "same", "near"]}
    assert_equal_runs(
        batches, weights_by_step(tmp_path / "b", step_every="batch", **order), **EXACT
    )


@pytest.mark.parametrize("options", [{}, {"task_sampling": "proportional", "step_every": "batch"}])
def test_same_seed_same_weights_other_seed_other_weights(tmp_path, options):
    first = weights_by_step(tmp_path / "a", **options)
    again = weights_by_step(tmp_path / "b", **options)
    other = weights_by_step(tmp_path / "c", data_seed=4, **options)
    assert_equal_runs(first, again, **EXACT)
    assert any((first[-1][name] != other[-1][name]).any() for name in first[-1])


ANNEALED = {"task_sampling": "annealed", "step_every": "batch"}
FIXED = {
    "task_sampling": "fixed",
    "step_every": "batch",
    "task_sequence": ["near", "mood", "near", "same"],
}


@pytest.mark.parametrize(
    "options",
    [
        {"step_every": "cycle"},
        {"step_every": "batch", "cycles_per_epoch": 2},
        {"gradient_accumulation_steps": 2},
        # Six steps an epoch: stopped within the first and within the second.
        {**ANNEALED, "cycles_per_epoch": 2},
        {**FIXED, "cycles_per_epoch": 2},
        # Four: stopped where an epoch ends.
        {**ANNEALED, "cycles_per_epoch": 4, "gradient_accumulation_steps": 3},
    ],
)
def test_resumed_equals_uninterrupted(tmp_path, options):
    """Dropout is on: the state of the random generators must come back too."""
    options = {
        **options,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 2,
        "num_train_epochs": 3,
        "save_strategy": "steps",
        "save_steps": 4,
    }
    dropout = {"hidden_dropout_prob": 0.1}
    whole = toy_trainer(tmp_path, model=toy_model(**dropout), **options)
    whole.train()
    for stop_at in (4, 8):
        # Other weights and another random state: all that matters must come from the checkpoint.
        torch.manual_seed(99)
        options["save_strategy"] = "no"
        resumed = toy_trainer(tmp_path, model=toy_model(seed=7, **dropout), **options)
        resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{stop_at}"))
        assert resumed.state.global_step == whole.state.global_step > stop_at
        for (name, a), (_, b) in zip(
            whole.model.named_parameters(), resumed.model.named_parameters(), strict=True
        ):
            assert torch.equal(a, b), f"stopped at {stop_at}: {name}"
