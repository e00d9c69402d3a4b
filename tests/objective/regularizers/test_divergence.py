import pytest
import torch
from torch.nn import functional

from modeling_hybrid_mtl import TaskConfig
from trainer.objective.regularizers import divergence, squared_error, symmetric_kl


def two_kls(p, q):
    def kl(a, b):
        return functional.kl_div(b.log_softmax(-1), a.softmax(-1), reduction="none").sum(-1)

    return kl(p, q) + kl(q, p)


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return torch.randn(4, 6, 3), torch.randn(4, 6, 3)


def task(**entry):
    return TaskConfig.from_entry("t", entry)


def test_symmetric_kl_is_the_mean_sum_of_both_kls(pair):
    torch.testing.assert_close(symmetric_kl(*pair), two_kls(*pair).mean())
    torch.testing.assert_close(symmetric_kl(*pair), symmetric_kl(*reversed(pair)))


def test_symmetric_kl_averages_over_the_masked_predictions_only(pair):
    mask = torch.rand(4, 6) < 0.5
    expected = two_kls(*pair)[mask].mean()
    torch.testing.assert_close(symmetric_kl(*pair, mask), expected)
    assert symmetric_kl(*pair, torch.zeros_like(mask)) == 0


def test_symmetric_kl_keeps_its_value_for_nearly_equal_logits(pair):
    p = pair[0].double()
    q = (p + 1e-5 * pair[1]).float()
    exact = two_kls(p, q.double()).mean()
    assert symmetric_kl(p.float(), q).item() == pytest.approx(exact.item(), rel=0.05)


def test_symmetric_kl_has_the_gradient_of_both_kls(pair):
    ours = [x.clone().requires_grad_() for x in pair]
    direct = [x.clone().requires_grad_() for x in pair]
    symmetric_kl(*ours).backward()
    two_kls(*direct).mean().backward()
    for a, b in zip(ours, direct, strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_symmetric_binary_kl_is_the_mean_of_both_kls_of_each_class(pair):
    def two_outcomes(logits):  # a logit against 0 is a softmax over two classes
        return torch.stack([logits, torch.zeros_like(logits)], dim=-1)

    p, q = pair[0][:, 0], pair[1][:, 0]
    expected = two_kls(two_outcomes(p), two_outcomes(q)).mean()
    topics = task(kind="multi_label", labels=["a", "b", "c"])
    torch.testing.assert_close(divergence(topics, p, q, p), expected)
    close = p + 1e-5 * q
    exact = two_kls(two_outcomes(p.double()), two_outcomes(close.double())).mean()
    assert divergence(topics, p, close, p).item() == pytest.approx(exact.item(), rel=0.05)


def test_squared_error_is_in_units_of_the_score_range():
    first, second = torch.tensor([0.0, 5.0]), torch.tensor([2.5, 5.0])
    assert squared_error(first, second, 0, 5).item() == pytest.approx(0.5**2 / 2)
    torch.testing.assert_close(
        squared_error(first, second, 0, 5), squared_error(first * 2 - 3, second * 2 - 3, -3, 7)
    )


def test_a_tasks_kind_chooses_its_divergence(pair):
    tokens, scores = pair, (pair[0][:, 0, 0], pair[1][:, 0, 0])
    labels = torch.full((4, 6), -100)
    labels[:, 1:3] = 0
    tags = task(kind="token_classification", labels=["a", "b", "c"])
    assert divergence(tags, *tokens, labels) == symmetric_kl(*tokens, labels == 0)
    classes = task(kind="classification", labels=["a", "b", "c"])
    rows = (pair[0][:, 0], pair[1][:, 0])
    assert divergence(classes, *rows, labels[:, 0]) == symmetric_kl(*rows)
    for kind in ("regression", "similarity"):
        score = task(kind=kind, input="pair", score_range=[1, 5])
        assert divergence(score, *scores, scores[0]) == squared_error(*scores, 1, 5)


def test_half_precision_is_computed_in_single():
    p, q = torch.randn(3, 4).bfloat16(), torch.randn(3, 4).bfloat16()
    assert symmetric_kl(p, q) == symmetric_kl(p.float(), q.float())
    assert squared_error(p, q, 0, 1).dtype == torch.float32
