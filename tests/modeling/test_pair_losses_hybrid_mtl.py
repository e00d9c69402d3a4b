"""CoSENT and AnglE: sentence-transformers' values on the same vectors."""

import pytest
import torch

from modeling_hybrid_mtl.configuration_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS
from tests.modeling.toy_models import inputs_for, toy_model

RANDOM = torch.Generator().manual_seed(5)
U, V = torch.randn(2, 12, 7, generator=RANDOM)  # an odd width, which AnglE pads
SCORES = torch.randint(6, (12,), generator=RANDOM).float()


def head_for(loss, **entry):
    fields = {"kind": "similarity", "input": "pair", "score_range": [0, 5], "loss": loss, **entry}
    return HEADS["similarity"](7, TaskConfig.from_entry("near", fields)).eval()


@pytest.mark.parametrize("cosine_range", [[0, 1], [-1, 1]])
@pytest.mark.parametrize(("loss", "name"), [("cosent", "CoSENTLoss"), ("angle", "AnglELoss")])
def test_values_and_gradients_are_those_of_sentence_transformers(loss, name, cosine_range):
    losses = pytest.importorskip("sentence_transformers.losses")
    head = head_for(loss, cosine_range=cosine_range)
    gradients, values = [], []
    for compute in (
        lambda u, v: head.loss(head.forward_with_loss_input(u, v)[1], SCORES),
        lambda u, v: getattr(losses, name)(None).compute_loss_from_embeddings([u, v], SCORES),
    ):
        u, v = U.clone().requires_grad_(), V.clone().requires_grad_()
        values.append(compute(u, v))
        gradients.append(torch.autograd.grad(values[-1], (u, v)))
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("loss", ["cosent", "angle"])
def test_equal_labels_have_a_loss_and_a_gradient_of_zero(loss):
    head, u = head_for(loss), U.clone().requires_grad_()
    value = head.loss(head.forward_with_loss_input(u, V)[1], torch.ones(12))
    value.backward()
    assert value == 0
    assert torch.equal(u.grad, torch.zeros_like(U))


def test_the_logits_are_scores_whatever_the_loss_reads():
    torch.testing.assert_close(head_for("angle")(U, V), head_for("squared_error")(U, V))


def test_a_model_computes_the_loss_of_its_vectors_and_leaves_out_rows_without_a_label():
    fields = {"kind": "similarity", "input": "pair", "score_range": [0, 5], "loss": "angle"}
    model = toy_model(tasks={"near": fields}).eval()
    inputs, labels = inputs_for("near"), torch.tensor([0.0, 5.0, 3.0])
    mask = torch.tensor([True, False, True])
    output = model(**inputs, task="near", labels=labels, label_mask=mask)
    vectors = output.embeddings
    assert output.logits.shape == (3,)
    torch.testing.assert_close(output.loss, model.heads["near"].loss(vectors[mask], labels[mask]))
