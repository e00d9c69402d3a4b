"""Mean cosines of a logging period, by tasks and layers."""

import pytest
import torch

from trainer.objective.cosine_log import CosineLog, layer_of


def gramians(*rows):
    """Gramians (L, 2, 2) of two gradients of length 2 and 3, with these cosines."""
    return torch.stack([torch.tensor([[4.0, 6 * c], [6 * c, 9.0]]) for c in rows])


def test_means_are_over_the_steps_that_had_both_tasks():
    log = CosineLog()
    log.add(["a", "b"], ["", "layer_0"], gramians(0.5, -1.0))
    log.add(["a", "b"], ["", "layer_0"], gramians(0.3, 0.0))
    log.add(["a", "c"], ["", "layer_0"], gramians(1.0, 1.0))
    # Another layer was reached: the pair's mean is over all three steps.
    log.add(["a", "b"], ["", "others"], gramians(0.1, 0.25))
    assert log.pop() == pytest.approx(
        {
            "gradient_cosine/a/b": 0.3,
            "gradient_cosine/a/b/layer_0": -0.5,
            "gradient_cosine/a/b/others": 0.25,
            "gradient_cosine/a/c": 1.0,
            "gradient_cosine/a/c/layer_0": 1.0,
        }
    )
    assert log.pop() == {}


def test_a_pair_has_one_name_in_whichever_order_its_tasks_come():
    log = CosineLog(["b", "a"])
    log.add(["a", "b"], [""], gramians(1.0))
    log.add(["b", "a"], [""], gramians(-1.0))
    assert log.pop() == {"gradient_cosine/b/a": 0.0}
    log.add(["d", "c"], [""], gramians(1.0))
    log.add(["c", "d"], [""], gramians(0.0))
    assert log.pop() == {"gradient_cosine/d/c": 0.5}


def test_steps_that_are_not_finite_are_left_out():
    log = CosineLog()
    log.add(["a", "b"], ["", "layer_0"], gramians(0.5, 0.25))
    log.add(["a", "b"], ["", "layer_0"], gramians(float("nan"), 0.75))
    assert log.pop() == {"gradient_cosine/a/b": 0.5, "gradient_cosine/a/b/layer_0": 0.5}


def test_few_sums_are_kept_however_many_sets_of_tasks_there_are():
    log = CosineLog()
    for number in range(3 * log.MOST_KEYS):
        log.add(["a", f"b{number}"], [""], gramians(number / 1000))
        assert len(log._sums) <= log.MOST_KEYS
    means = log.pop()
    assert len(means) == 3 * log.MOST_KEYS
    assert means["gradient_cosine/a/b7"] == pytest.approx(0.007)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("backbone.encoder.layer.11.output.dense.weight", "layer_11"),
        ("backbone.transformer.layer.0.ffn.lin1.bias", "layer_0"),
        ("backbone.layers.3.attn.Wqkv.weight", "layer_3"),
        ("backbone.embeddings.word_embeddings.weight", "embeddings"),
        ("shared.0.weight", "others"),
    ],
)
def test_layers_are_found_by_the_names_of_parameters(name, layer):
    assert layer_of(name) == layer
