import copy
import math

import pytest
import torch

from tests.modeling.toy_models import BACKBONES, TASKS, counted_calls, toy_model
from tests.objective.regularizers.batches import (
    forward_and_term,
    gradients,
    has_gradient,
    toy_batch,
    with_more_padding,
)
from trainer.objective.regularizers import Smart, divergence, smart
from trainer.objective.regularizers.smart import (
    added_to_embeddings,
    initial_noise,
    normalize,
    project,
    token_mask,
)

# Large enough to be seen in single precision.
VISIBLE = {"step_size": 0.05, "radius": 0.02, "noise": 0.01}


def logits_with(model, task, batch, delta):
    inputs = {name: x for name, x in batch.items() if name != "labels"}
    with added_to_embeddings(model, delta):
        return model(**inputs, task=task).logits


def adversarial(regularizer, model, task, batch, seed=0):
    """The change of the embeddings that `term` finds with this seed."""
    torch.manual_seed(seed)
    delta = initial_noise(model, token_mask(batch), regularizer.noise)
    clean = model(**batch, task=task).logits.detach()
    return regularizer.ascend(model, task, batch, clean, delta)


@pytest.mark.parametrize("norm", ["inf", "l2"])
def test_one_step_is_noise_plus_the_normalized_gradient_projected(norm):
    model, batch = toy_model(), toy_batch("mood")
    step, radius, noise = 0.05, 0.03 if norm == "inf" else 0.2, 0.01
    torch.manual_seed(5)
    mask = batch["attention_mask"][..., None]
    delta = (noise * mask * torch.randn(3, 7, 16)).requires_grad_()
    p = model(**batch, task="mood").logits.detach().softmax(-1)
    q = logits_with(model, "mood", batch, delta).softmax(-1)
    ((p - q) * (p / q).log()).sum(-1).mean().backward()
    for row in range(3):
        gradient = delta.grad[row]
        size = gradient.abs().max() if norm == "inf" else gradient.square().sum().sqrt()
        moved = delta[row].detach() + step * gradient / size
        if norm == "inf":
            expected = moved.clamp(-radius, radius)
        else:
            expected = moved * min(1.0, radius / moved.square().sum().sqrt().item())
        regularizer = Smart(1.0, step, radius, noise, 1, norm)
        found = adversarial(regularizer, model, "mood", batch, seed=5)[row]
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_term_is_weight_times_the_divergence_under_the_adversarial_change(task):
    model, batch = toy_model(), toy_batch(task)
    regularizer = Smart(3.0, **VISIBLE)
    delta = adversarial(regularizer, model, task, batch)
    torch.manual_seed(0)
    output, term = forward_and_term(regularizer, model, task, batch)
    moved = logits_with(model, task, batch, delta)
    expected = divergence(model.config.task(task), moved, output.logits, batch["labels"])
    torch.testing.assert_close(term, 3 * expected)
    assert term > 0


def test_the_change_moves_predictions_more_than_noise_of_the_same_size():
    model = toy_model()
    for task in TASKS:
        batch = toy_batch(task)
        delta = adversarial(Smart(1.0, 0.05, 0.02, 0.01), model, task, batch)
        clean = model(**batch, task=task).logits
        noise = token_mask(batch) * 0.02 * torch.randn_like(delta).sign()
        far, near = (
            divergence(
                model.config.task(task),
                logits_with(model, task, batch, change),
                clean,
                batch["labels"],
            )
            for change in (delta, noise)
        )
        assert far > 2 * near, task


@pytest.mark.parametrize("task", ["mood", "near", "tags"])
def test_more_steps_from_the_same_noise_find_a_worse_change(task):
    model, terms = toy_model(), []
    for steps in (1, 3, 9):
        torch.manual_seed(0)
        with counted_calls(model) as calls:
            term = forward_and_term(Smart(1.0, 0.005, 0.02, 0.001, steps), model, task)[1]
        # The training forward, the unchanged and the changed pass, and one pass per step.
        assert len(calls) == 3 + steps
        terms.append(term.item())
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("norm", ["inf", "l2"])
def test_term_grows_with_the_radius_and_is_zero_without_one(norm):
    model, terms = toy_model(), []
    for radius in (0.0, 0.01, 0.05, 0.2):
        torch.manual_seed(0)
        terms.append(forward_and_term(Smart(1.0, 10.0, radius, norm=norm), model, "mood")[1].item())
    assert terms[0] == 0
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("task", ["mood", "near"])
@pytest.mark.parametrize(("norm", "order"), [("inf", math.inf), ("l2", 2)])
def test_the_change_lies_on_the_ball_and_leaves_padding_alone(task, norm, order):
    batch = toy_batch(task)
    delta = adversarial(Smart(1.0, 5.0, 0.02, 0.01, 2, norm), toy_model(), task, batch)
    lengths = torch.linalg.vector_norm(delta, order, dim=(1, 2))
    torch.testing.assert_close(lengths, torch.full_like(lengths, 0.02))
    mask = token_mask(batch).squeeze(-1).bool()
    assert delta[mask].any(dim=-1).all()
    assert not delta[~mask].any()


def test_without_a_mask_every_token_is_changed():
    ids = torch.ones(2, 3, dtype=torch.long)
    assert torch.equal(token_mask({"input_ids": ids}), torch.ones(2, 3, 1))
    pair = {"input_ids": ids, "pair_input_ids": ids[:, :2]}
    assert token_mask(pair).squeeze(-1).tolist() == [[1, 1, 1]] * 2 + [[1, 1, 0]] * 2


def test_projection_leaves_what_is_inside_the_ball():
    delta = torch.tensor([[[0.03, 0.04]], [[0.3, -0.4]], [[0.0, 0.0]]])
    assert torch.equal(project(delta, 0.5001, 2.0), delta)
    torch.testing.assert_close(project(delta, 0.25, 2.0)[1], delta[1] / 2)
    assert project(delta, 0.1, math.inf).tolist()[1] == [[pytest.approx(0.1), pytest.approx(-0.1)]]
    assert not project(delta, 0.0, 2.0).any()


def test_a_row_without_a_gradient_is_not_moved():
    gradient = torch.tensor([[[0.0, 0.0]], [[1e-15, -2e-15]]])
    for norm in (math.inf, 2.0):
        direction = normalize(gradient, norm)
        assert direction[0].tolist() == [[0.0, 0.0]]
        length = torch.linalg.vector_norm(direction[1], norm)
        assert length.item() == pytest.approx(1.0)


def test_the_gradient_reaches_encoder_and_head_and_equals_the_direct_one():
    model, batch = toy_model(), toy_batch("mood")
    twin = copy.deepcopy(model)
    regularizer = Smart(2.0, **VISIBLE)
    torch.manual_seed(0)
    forward_and_term(regularizer, model, "mood", batch)[1].backward()
    delta = adversarial(regularizer, twin, "mood", batch)
    moved = logits_with(twin, "mood", batch, delta)
    clean = twin(**batch, task="mood").logits
    (2 * divergence(twin.config.task("mood"), moved, clean, batch["labels"])).backward()
    found, direct = gradients(model), gradients(twin)
    assert found.keys() == direct.keys()
    assert has_gradient(found["backbone.embeddings.word_embeddings.weight"])
    assert has_gradient(found["heads.mood.layers.1.weight"])
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, direct[name])


def test_the_inner_loop_leaves_the_parameters_gradients_and_the_model_alone():
    model, batch = toy_model().train(), toy_batch("near")
    for p in model.parameters():
        p.grad = torch.full_like(p, 7.0)
    term = forward_and_term(Smart(1.0, steps=3), model, "near", batch)[1]
    assert all((p.grad == 7).all() for p in model.parameters())
    assert term.requires_grad and model.training
    assert not model.get_input_embeddings()._forward_hooks


@pytest.mark.parametrize("task", ["mood", "tags", "near", "follows"])
def test_more_padding_changes_nothing(task, monkeypatch):
    model, batch = toy_model(), toy_batch(task)
    longer = with_more_padding(batch)
    regularizer = Smart(1.0, **VISIBLE)
    mask = token_mask(batch)
    noise = initial_noise(model, mask, 0.01)
    padded = torch.nn.functional.pad(noise, (0, 0, 0, 3))
    terms = []
    for inputs, delta in ((batch, noise), (longer, padded)):
        monkeypatch.setattr(smart, "initial_noise", lambda *_, delta=delta: delta.clone())
        terms.append(forward_and_term(regularizer, model, task, inputs)[1])
    torch.testing.assert_close(terms[0], terms[1], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("task", ["mood", "near", "follows", "tags"])
def test_every_backbone(backbone, task):
    model = toy_model(backbone).train()
    output, term = forward_and_term(Smart(1.0, **VISIBLE), model, task)
    (output.loss + term).backward()
    assert term > 0
    assert has_gradient(model.get_input_embeddings().weight.grad)


def test_all_passes_draw_the_same_dropout_masks():
    model = toy_model().train()
    masked = [forward_and_term(Smart(1.0), model, "mood")[0].logits for _ in range(2)]
    assert not torch.equal(*masked)
    term = forward_and_term(Smart(1.0, radius=0.0, steps=2), model, "mood")[1]
    assert term == 0


def test_a_task_of_weight_zero_costs_nothing():
    model, regularizer = toy_model(), Smart({"mood": 1.0, "stars": 0.0})
    for task in ("stars", "near"):
        batch = toy_batch(task)
        output = model(**batch, task=task)
        state = torch.get_rng_state()
        with counted_calls(model) as calls:
            assert regularizer.term(model, task, batch, output) == 0
        assert not calls
        assert torch.equal(torch.get_rng_state(), state)
    assert forward_and_term(regularizer, model, "mood")[1].requires_grad


def test_gradient_checkpointing_changes_nothing():
    found = []
    for checkpointing in (False, True):
        model = toy_model().train()
        if checkpointing:
            model.activation_checkpointing_enable()
        torch.manual_seed(1)
        output, term = forward_and_term(Smart(1.0, **VISIBLE), model, "near")
        (output.loss + term).backward()
        found.append((term, model.get_input_embeddings().weight.grad))
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision(dtype):
    regularizer = Smart(1.0, **VISIBLE)
    terms = []
    for enabled in (False, True):
        model = toy_model()
        torch.manual_seed(0)
        with torch.autocast("cpu", dtype, enabled=enabled):
            output, term = forward_and_term(regularizer, model, "mood")
        (output.loss + term).backward()
        assert term.dtype == torch.float32
        assert has_gradient(model.get_input_embeddings().weight.grad)
        terms.append(term.item())
    assert terms[1] == pytest.approx(terms[0], rel=0.3)


def test_tiny_changes_in_a_bfloat16_model_give_no_nan():
    model = toy_model().bfloat16()
    output, term = forward_and_term(Smart(1.0), model, "near")
    (output.loss + term).backward()
    assert all(torch.isfinite(g).all() for g in gradients(model).values())


def worst_divergence(model, task, batch):
    probe = Smart(1.0, 0.02, 0.05, 0.01, steps=4)
    return max(
        forward_and_term(probe, model.eval(), task, batch)[1].item()
        for _ in map(torch.manual_seed, range(2))
    )


@pytest.mark.parametrize("task", ["mood", "near"])
def test_training_with_it_gives_a_smoother_model(task):
    def trained(weight):
        model, batch = toy_model(), toy_batch(task)
        optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
        regularizer = Smart(weight, 0.1, 0.05, 0.01)
        for _ in range(60):
            output, term = forward_and_term(regularizer, model, task, batch)
            (output.loss + term).backward()
            optimizer.step()
            optimizer.zero_grad()
        return model, output.loss.item()

    (plain, _), (smooth, loss) = trained(0.0), trained(5.0)
    batch = toy_batch(task)
    assert worst_divergence(smooth, task, batch) < 0.5 * worst_divergence(plain, task, batch)
    assert loss < toy_model()(**batch, task=task).loss.item() / 2
