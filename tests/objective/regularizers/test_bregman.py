import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.modeling.toy_models import TASKS, toy_model
from tests.objective.regularizers.batches import (
    forward_and_term,
    gradients,
    has_gradient,
    toy_batch,
)
from trainer.errors import InputError
from trainer.objective.regularizers import Bregman, divergence
from trainer.objective.regularizers.bregman import BregmanOptions


def make(weight, momentum=0.99):
    return Bregman(weight, BregmanOptions(weight, momentum))


def train(model, regularizer, steps, task="mood", lr=0.05):
    """Plain gradient steps on the loss and the term; the parameters after each."""
    optimizer = torch.optim.SGD(model.parameters(), lr)
    path = []
    for _ in range(steps):
        output, term = forward_and_term(regularizer, model, task)
        (output.loss + term).backward()
        optimizer.step()
        optimizer.zero_grad()
        regularizer.after_step(model)
        path.append({name: p.detach().clone() for name, p in model.named_parameters()})
    return path


@pytest.mark.parametrize("task", TASKS)
def test_term_is_zero_before_the_first_step_and_positive_after_it(task):
    model, regularizer = toy_model(), make(2.0, 0.9)
    assert forward_and_term(regularizer, model, task)[1].item() == pytest.approx(0, abs=1e-10)
    train(model, regularizer, 1, task)
    assert forward_and_term(regularizer, model, task)[1] > 1e-9


def test_momentum_model_follows_the_closed_form():
    model, regularizer, beta, steps = toy_model(), make(1.0, 0.8), 0.8, 5
    first = {name: p.detach().clone() for name, p in model.named_parameters()}
    path = train(model, regularizer, steps)
    average = regularizer.state_dict()
    assert average.keys() == first.keys()
    for name, found in average.items():
        expected = beta**steps * first[name] + sum(
            (1 - beta) * beta ** (steps - 1 - i) * after[name] for i, after in enumerate(path)
        )
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_term_is_the_divergence_from_a_model_with_the_averaged_weights():
    model, regularizer = toy_model(), make(3.0, 0.5)
    train(model, regularizer, 3)
    past = toy_model()
    past.load_state_dict(regularizer.state_dict(), strict=False)
    batch = toy_batch("mood")
    output, term = forward_and_term(regularizer, model, "mood", batch)
    expected = divergence(
        model.config.task("mood"),
        output.logits,
        past(**batch, task="mood").logits,
        batch["labels"],
    )
    torch.testing.assert_close(term, 3 * expected)


def test_gradient_reaches_the_model_but_not_the_average():
    model, regularizer = toy_model().train(), make(1.0, 0.5)
    train(model, regularizer, 1)
    forward_and_term(regularizer, model, "mood")[1].backward()
    assert has_gradient(gradients(model)["backbone.embeddings.word_embeddings.weight"])
    assert has_gradient(gradients(model)["heads.mood.layers.1.weight"])
    assert all(not t.requires_grad for t in regularizer.state_dict().values())
    assert all(module.training for module in model.modules())


def test_the_average_predicts_without_dropout():
    model, regularizer = toy_model().train(), make(1.0)
    batch = toy_batch("mood")
    output = model(**batch, task="mood")
    terms = [regularizer.term(model, "mood", batch, output) for _ in range(2)]
    assert terms[0] == terms[1] > 0


def test_mixed_precision_leaves_later_passes_their_gradients():
    model, regularizer = toy_model(), make(1.0, 0.5)
    train(model, regularizer, 1)
    with torch.autocast("cpu", torch.bfloat16):
        term = forward_and_term(regularizer, model, "mood")[1]
        later = forward_and_term(regularizer, model, "near")[0].loss
    assert term.dtype == torch.float32
    later.backward()
    names = {name for name in gradients(model) if name.startswith("backbone.")}
    assert names == {f"backbone.{name}" for name, _ in model.backbone.named_parameters()}


def test_a_large_weight_holds_the_model_back():
    def distance(weight):
        model, start = toy_model(), toy_model()
        train(model, make(weight, 0.99), 20, lr=0.02)
        pairs = zip(model.parameters(), start.parameters(), strict=True)
        return sum((a - b).square().sum().item() for a, b in pairs)

    assert distance(20.0) < 0.5 * distance(0.0)


def test_tasks_of_weight_zero_begin_the_average_too():
    model, regularizer = toy_model(), make({"mood": 1.0}, 0.5)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    (path,) = train(model, regularizer, 1, "stars")
    for name, found in regularizer.state_dict().items():
        torch.testing.assert_close(found, (start[name] + path[name]) / 2)


def test_only_trained_parameters_are_kept():
    model, regularizer = toy_model(), make(1.0)
    model.backbone.requires_grad_(False)
    train(model, regularizer, 1)
    assert all(name.startswith("heads.") for name in regularizer.state_dict())
    assert forward_and_term(regularizer, model, "mood")[1] > 0


def test_resuming_is_exact(tmp_path):
    model, regularizer = toy_model(), make(1.0, 0.9)
    train(model, regularizer, 2)
    save_file(regularizer.state_dict(), tmp_path / "bregman.safetensors")
    torch.save(model.state_dict(), tmp_path / "model.pt")
    train(model, regularizer, 2)

    resumed, again = toy_model(seed=9), make(1.0, 0.9)
    resumed.load_state_dict(torch.load(tmp_path / "model.pt"))
    again.load_state_dict(load_file(tmp_path / "bregman.safetensors"))
    train(resumed, again, 2)
    for name, tensor in regularizer.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    for a, b in zip(model.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_nothing_to_save_before_the_first_term():
    fresh = make(1.0)
    assert fresh.state_dict() == {}
    fresh.load_state_dict({})
    assert forward_and_term(fresh, toy_model(), "mood")[1].item() == pytest.approx(0, abs=1e-10)


def test_the_average_of_another_model_is_refused():
    regularizer = make(1.0)
    regularizer.load_state_dict({"heads.other.weight": torch.zeros(2)})
    with pytest.raises(InputError, match="bregman_weight.*momentum model"):
        forward_and_term(regularizer, toy_model(), "mood")
