from itertools import product

import pytest
import torch

from tests.toys import toy_model, toy_trainer, whole_and_resumed
from trainer.errors import InputError
from trainer.objective.aggregators import AGGREGATORS, cosines, gramian
from trainer.objective.cosine_log import layer_of
from trainer.objective.shared_gradients import _added
from trainer.optimization import SHARED, params_by_task

# What torchjd has without extras.
PLAIN = ["pcgrad", "mgda", "aligned_mtl", "imtl_g", "gradvac", "graddrop", "random"]
DENSE = torch.tensor([[1.0, 2.0], [0.0, 0.0]])


def gradients_of_a_step(trainer, step):
    """Each task's gradient on the shared parameters, one backward pass after another."""
    model = trainer.model.train()
    shared = [p for _, p in params_by_task(model)[SHARED]]
    found = {}
    for task, batch in step.items():
        model.zero_grad()
        model(**batch, task=task).loss.backward()
        found[task] = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in shared]
    model.zero_grad()
    return shared, found


@pytest.mark.parametrize("aggregator", ["pcgrad", "mgda", "imtl_g", "aligned_mtl"])
def test_a_step_follows_the_aggregated_gradient_of_the_tasks(tmp_path, aggregator):
    options = {"optim": "sgd", "learning_rate": 1.0, "weight_decay": 0.0, "max_grad_norm": 0.0}
    trainer = toy_trainer(
        tmp_path, aggregator=aggregator, max_steps=1, lr_scheduler_type="constant", **options
    )
    loader = trainer.get_train_dataloader()
    loader.set_epoch(0)
    shared, found = gradients_of_a_step(trainer, next(iter(loader)))
    columns = [[g.clone() for g in gradients] for gradients in found.values()]
    expected = trainer.args.make_aggregator(list(found)).combine(
        columns, list(found), gramian(columns)
    )
    before = [p.detach().clone() for p in shared]
    trainer.train()
    for parameter, start, gradient in zip(shared, before, expected, strict=True):
        torch.testing.assert_close(start - parameter.detach(), gradient, rtol=1e-4, atol=1e-6)


# Gradients are aggregated before the optimizers of a layout see them, so that one aggregator of
# each form, by a weight for each task and by entries, shows what the other layouts do.
@pytest.mark.parametrize(
    ("aggregator", "optimizer_layout"),
    [
        *((aggregator, "siloed") for aggregator in PLAIN),
        *product(["pcgrad", "graddrop"], ["overlapping"]),
        ("pcgrad", "single"),
    ],
)
def test_aggregators_and_layouts_train_together(tmp_path, aggregator, optimizer_layout):
    sizes = {"mood": 16, "same": 16, "near": 16}
    options = {
        "learning_rate": 5e-3,
        "num_train_epochs": 3,
        "aggregator": aggregator,
        "optimizer_layout": optimizer_layout,
    }
    trainer = toy_trainer(tmp_path, sizes=sizes, **options)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 12 and sum(losses[-4:]) < 0.8 * sum(losses[:4])
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())


def test_sum_with_cosines_is_plain_sum_and_logs_each_pair(tmp_path):
    plain = toy_trainer(tmp_path / "a", max_steps=4)
    noted = toy_trainer(tmp_path / "b", max_steps=4, gradient_cosines=True)
    plain.train()
    noted.train()
    for a, b in zip(plain.model.parameters(), noted.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    logged = [entry for entry in noted.state.log_history if "loss" in entry]
    pairs = {"gradient_cosine/mood/same", "gradient_cosine/mood/near", "gradient_cosine/same/near"}
    assert all(pairs <= set(entry) for entry in logged)
    assert not any("cosine" in name for entry in plain.state.log_history for name in entry)
    apart = toy_trainer(tmp_path / "c", optimizer_layout="per_task", max_steps=1)
    apart.train()
    assert not any("cosine" in name for entry in apart.state.log_history for name in entry)


def test_the_cosine_that_is_logged_is_that_of_the_gradients(tmp_path):
    trainer = toy_trainer(tmp_path, gradient_cosines=True, max_steps=1)
    loader = trainer.get_train_dataloader()
    loader.set_epoch(0)
    _, found = gradients_of_a_step(trainer, next(iter(loader)))
    expected = cosines(gramian(list(found.values())))[0, 1].item()
    trainer.train()
    logged = trainer.state.log_history[0]["gradient_cosine/mood/same"]
    assert logged == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("aggregator", ["pcgrad", "graddrop"])
def test_accumulated_steps_give_each_task_one_gradient(tmp_path, aggregator):
    # Three batches accumulated are one cycle, for an aggregator as for the sum.
    options = {"aggregator": aggregator, "max_steps": 4}
    cycle = toy_trainer(tmp_path / "a", **options)
    by_batch = toy_trainer(
        tmp_path / "b", step_every="batch", gradient_accumulation_steps=3, **options
    )
    cycle.train()
    by_batch.train()
    for a, b in zip(cycle.model.parameters(), by_batch.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"aggregator": "pcgrad"},
        {"aggregator": "gradvac"},
        {"aggregator": "sum", "optimizer_layout": "overlapping"},
        {"smart_weight": 1.0, "smart_radius": 0.1, "smart_step_size": 0.1, "bregman_weight": 0.5},
        {"rdrop_weight": 1.0},
    ],
)
def test_a_resumed_run_ends_with_the_same_weights(tmp_path, options):
    whole, again = whole_and_resumed(tmp_path, **options)
    for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_regularizers_change_what_is_learned(tmp_path):
    def trained(**options):
        model = toy_model(hidden_dropout_prob=0.2)
        toy_trainer(tmp_path, model=model, max_steps=3, **options).train()
        return model

    plain = trained()
    for name in ("smart_weight", "bregman_weight", "rdrop_weight"):
        radius = {"smart_radius": 0.1, "smart_step_size": 0.1} if "smart" in name else {}
        other = trained(**{name: 5.0}, **radius)
        pairs = zip(plain.parameters(), other.parameters(), strict=True)
        assert any(not torch.allclose(a, b, atol=1e-4) for a, b in pairs), name


def test_a_weight_of_one_task_regularizes_that_task_only(tmp_path):
    trainer = toy_trainer(tmp_path, task_args={"mood": {"smart_weight": 2.0}})
    (smart,) = trainer.regularizers
    assert [smart.weight_of(task) for task in ("mood", "same", "near")] == [2.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"aggregator": "pcgrd"}, "aggregator = 'pcgrd': must be one of .* Did you mean 'pcgrad'"),
        (
            {"aggregator": "pcgrad", "step_every": "batch"},
            "with step_every 'batch' a step has one task's",
        ),
        (
            {"gradient_cosines": True, "step_every": "batch"},
            "gradient_cosines: with step_every 'batch'",
        ),
        (
            {"aggregator": "pcgrad", "optimizer_layout": "per_task"},
            "nothing to aggregate; use siloed",
        ),
        (
            {"auxiliary_tasks": ["near"]},
            "has no effect with aggregator: sum; unset it, or use aggregator: mtrec",
        ),
        (
            {"auxiliary_scale": 0.9},
            "has no effect with aggregator: sum; unset it, or use aggregator: mtrec",
        ),
        (
            {"aggregator": "pcgrad", "sizes": {"mood": 8}},
            "aggregator = 'pcgrad': there is one task only",
        ),
        ({"gradient_cosines": True, "sizes": {"mood": 8}}, "gradient_cosines: there is one task"),
        ({"aggregator": "mtrec"}, "auxiliary_tasks: aggregator 'mtrec' needs at least one"),
        (
            {"aggregator": "mtrec", "auxiliary_tasks": ["neer"]},
            "no task 'neer'.*Did you mean 'near'",
        ),
        ({"optimizer_layout": "overlapping", "fp16": True}, "fp16: optimizer_layout 'overlapping'"),
        ({"smart_radius": 0.1}, "smart_radius: has no effect without a smart_weight above 0"),
        ({"bregman_momentum": 0.9}, "bregman_momentum: has no effect without a bregman_weight"),
        ({"task_args": {"mood": {"rdrop_weight": -1}}}, "task 'mood': rdrop_weight = -1"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        toy_trainer(tmp_path, **options)


def test_every_aggregator_is_named_in_the_help():
    from trainer.config.parser import build_parser

    text = build_parser().format_help().split("--aggregator ")[1].split("--main_tasks")[0]
    assert all(aggregator in text for aggregator in AGGREGATORS)


@pytest.mark.parametrize("gradient", [DENSE, DENSE.to_sparse(1)], ids=["dense", "rows"])
def test_a_gradient_beside_none_is_itself(gradient):
    assert _added(None, gradient) is gradient
    assert _added(gradient, None) is gradient
    assert _added(None, None) is None


def test_rows_are_added_and_dense_gradients_were_already():
    rows, more = DENSE.to_sparse(1), torch.tensor([[0.0, 1.0], [3.0, 0.0]]).to_sparse(1)
    expected = torch.tensor([[1.0, 3.0], [3.0, 0.0]])
    assert torch.equal(_added(rows, more).to_dense(), expected)
    assert _added(DENSE, torch.ones(2, 2)) is DENSE


def test_cosines_of_layers_are_logged_beside_those_of_all(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=1, gradient_cosines=True)
    loader = trainer.get_train_dataloader()
    loader.set_epoch(0)
    _, found = gradients_of_a_step(trainer, next(iter(loader)))
    names = [layer_of(name) for name, _ in params_by_task(trainer.model)[SHARED]]
    trainer.train()
    logged = trainer.state.log_history[0]
    for layer in ("embeddings", "layer_0", "layer_1"):
        columns = [
            [g for g, name in zip(gradients, names, strict=True) if name == layer]
            for gradients in (found["mood"], found["near"])
        ]
        expected = cosines(gramian(columns))[0, 1].item()
        assert logged[f"gradient_cosine/mood/near/{layer}"] == pytest.approx(expected, abs=1e-5)
