"""Ordinal classification: the papers' formulas on random data."""

import pytest
import torch
from torch.nn import functional

from modeling_hybrid_mtl.configuration_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS
from modeling_hybrid_mtl.ordinal_hybrid_mtl import conditional

CLASSES, WIDTH, ROWS = 5, 6, 64
RANDOM = torch.Generator().manual_seed(3)
VECTORS = 2 * torch.randn(ROWS, WIDTH, generator=RANDOM)
LABELS = torch.randint(CLASSES, (ROWS,), generator=RANDOM)


def head_for(model: str, **entry):
    names = [str(i) for i in range(CLASSES)]
    fields = {"kind": "ordinal", "labels": names, "head_options": {"model": model}, **entry}
    head = HEADS["ordinal"](WIDTH, TaskConfig.from_entry("task", fields)).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=RANDOM))
    return head


@pytest.mark.parametrize("model", ["corn", "cumulative"])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_outputs_are_log_probabilities(model, scale):
    log_p = head_for(model)(scale * VECTORS)
    assert log_p.shape == (ROWS, CLASSES)
    assert log_p.isfinite().all()
    torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(ROWS))


def corn_loss_of_the_paper(logits, labels):
    """The summed loss of arXiv:2111.08851, and the rows over which the paper averages it."""
    total, rows = torch.zeros(()), 0
    for k in range(CLASSES - 1):
        subset = labels > k - 1  # S_k: y >= k
        target = (labels[subset] > k).float()
        total = total + functional.binary_cross_entropy_with_logits(
            logits[subset, k], target, reduction="sum"
        )
        rows += int(subset.sum())
    return total, rows


def test_corn_is_the_papers_loss_and_its_probabilities():
    logits = torch.randn(ROWS, CLASSES - 1, generator=RANDOM)
    head = head_for("corn")
    log_p = conditional(logits)
    above = logits.sigmoid().cumprod(dim=-1)  # the chain rule: P(y > k)
    edges = torch.cat([torch.ones(ROWS, 1), above, torch.zeros(ROWS, 1)], dim=-1)
    torch.testing.assert_close(log_p.exp(), edges[:, :-1] - edges[:, 1:])
    total, rows = corn_loss_of_the_paper(logits, LABELS)
    assert rows > ROWS
    # Averaged over the rows rather than over the rows of all subsets.
    torch.testing.assert_close(head.loss(log_p, LABELS), total / ROWS)


def test_the_cumulative_model_has_proportional_odds():
    head = head_for("cumulative")
    log_p = head(VECTORS)
    score = head.layers(VECTORS)
    gaps = functional.softplus(head.gaps_bias)
    thresholds = torch.cat([head.first_bias, gaps]).cumsum(0)
    above = (score - thresholds).sigmoid()
    torch.testing.assert_close(log_p.exp()[:, 1:].flip(-1).cumsum(-1).flip(-1), above)
    # The odds of y > k change by the same factor from one text to another, for every k.
    odds = above.double().logit()
    torch.testing.assert_close((odds[0] - odds[1]).std(), odds.new_zeros(()), atol=1e-4, rtol=0)
    by_hand = -log_p[torch.arange(ROWS), LABELS].mean()
    torch.testing.assert_close(head.loss(log_p, LABELS), by_hand)


def test_all_classes_are_equally_likely_at_first_in_the_cumulative_model():
    fields = {"kind": "ordinal", "labels": list("abcde"), "head_options": {"model": "cumulative"}}
    head = HEADS["ordinal"](WIDTH, TaskConfig.from_entry("task", fields)).eval()
    with torch.no_grad():
        head.layers[-1].bias.zero_()
    probabilities = head(torch.zeros(1, WIDTH)).exp()
    torch.testing.assert_close(probabilities, torch.full((1, CLASSES), 1 / CLASSES))


def test_coral_is_the_papers_loss():
    head = head_for("cumulative", loss="coral")
    score = head.layers(VECTORS)
    thresholds = torch.cat([head.first_bias, functional.softplus(head.gaps_bias)]).cumsum(0)
    levels = (LABELS[:, None] > torch.arange(CLASSES - 1)).float()
    logits = score - thresholds
    expected = functional.binary_cross_entropy_with_logits(logits, levels, reduction="none")
    torch.testing.assert_close(head.loss(head(VECTORS), LABELS), expected.sum(-1).mean())


@pytest.mark.parametrize("model", ["corn", "cumulative"])
@pytest.mark.parametrize("loss", ["cross_entropy", "coral"])
def test_extreme_outputs_have_finite_losses_and_gradients(model, loss):
    head = head_for(model, loss=loss)
    value = head.loss(head(100 * VECTORS), LABELS)
    value.backward()
    assert value.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


@pytest.mark.parametrize("model", ["corn", "cumulative"])
def test_classes_in_an_order_are_learned(model):
    head = head_for(model).train()
    direction = torch.randn(WIDTH, generator=RANDOM)
    position = VECTORS @ direction
    labels = torch.bucketize(position, position.quantile(torch.tensor([0.2, 0.4, 0.6, 0.8])))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        head.eval().loss(head(VECTORS), labels).backward()
        optimizer.step()
    predicted = head.predict(head.postprocess(head(VECTORS)))
    assert (predicted - labels).abs().float().mean() < 0.1


@pytest.mark.parametrize(
    ("field", "entry"),
    [
        ("head_options", {"head_options": {"model": "probit"}}),
        ("label_smoothing", {"label_smoothing": 0.1}),
        ("loss", {"loss": "binary_cross_entropy"}),
    ],
)
def test_invalid_fields_are_refused(field, entry):
    with pytest.raises(ValueError, match=f"task 'task': field '{field}'"):
        TaskConfig.from_entry("task", {"kind": "ordinal", "labels": ["a", "b", "c"], **entry})
