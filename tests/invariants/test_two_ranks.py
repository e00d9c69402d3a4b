"""Several processes give the update, the losses and the metrics of one with their global batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from trainer.objective.aggregators import AGGREGATORS
from trainer.optimization import LAYOUTS

# GradDrop draws a number for every entry: for those of the token embeddings that a step reaches in
# one process, for all of them in several. LoRA leaves the embeddings out.
AGGREGATOR_OPTIONS = {"mtrec": {"auxiliary_tasks": ["near"]}, "graddrop": {"trainable": "lora"}}
# It removes a shift of its input: the gradient of a bias before it is rounding, which Adam would
# make steps of.
BATCH_NORM = {"normalization": "batch", "hidden_sizes": [6]}
ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("train_one_rank.py")


def run(folder, ranks, batch_size, *options):
    """Each training's weights and metrics."""
    folder.mkdir()
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
    done = subprocess.run(
        [sys.executable, *launch, str(SCRIPT), str(folder), str(batch_size), json.dumps(options)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    places = [folder / str(number) for number in range(len(options))]
    return [
        (
            load_file(place / "weights.safetensors"),
            json.loads((place / "metrics.json").read_text()),
        )
        for place in places
    ]


WAYS = [
    {},
    {"step_every": "batch"},
    {"aggregator": "pcgrad"},
    {"optimizer_layout": "overlapping", "aggregator": "gradvac"},
    {"optimizer_layout": "per_task", "loss_weights": "uncertainty", "ema_decay": 0.9},
    {"step_every": "batch", "task_sampling": "square_root"},
    {"trainable": "adapters"},
    {"trainable": "lora", "aggregator": "pcgrad"},
    {"head": BATCH_NORM, "ema_decay": 0.9, "optim": "sgd"},
    {"head": {"pooling": "attention", "attention_heads": 2}},
    {"ranking": {"negatives": 10, "symmetric": True}},  # last, since it adds a task
]


@pytest.mark.slow
def test_two_ranks_equal_one(tmp_path):
    one, two = run(tmp_path / "one", 1, 4, *WAYS), run(tmp_path / "two", 2, 2, *WAYS)
    for each, alone, together in zip(WAYS, one, two, strict=True):
        assert_equal(alone, together, f"{each}: ")


@pytest.mark.slow
def test_every_aggregator_and_layout_is_the_same_on_two_ranks(tmp_path):
    options = [
        *(
            {"aggregator": aggregator, **AGGREGATOR_OPTIONS.get(aggregator, {})}
            for aggregator in AGGREGATORS
        ),
        *({"optimizer_layout": optimizer_layout} for optimizer_layout in LAYOUTS),
    ]
    one, two = run(tmp_path / "one", 1, 4, *options), run(tmp_path / "two", 2, 2, *options)
    for each, alone, together in zip(options, one, two, strict=True):
        assert_equal(alone, together, f"{each}: ")


@pytest.mark.slow
def test_every_weighting_of_losses_is_the_same_on_two_ranks(tmp_path):
    # SGD, since the sign of a tiny gradient, which Adam steps by, is rounding.
    options = [
        {"loss_weights": name, "optim": "sgd", **extra}
        for name, extra in {"gradnorm": {}, "famo": {}, "dwa": {"dwa_period": 1}}.items()
    ]
    one, two = run(tmp_path / "one", 1, 4, *options), run(tmp_path / "two", 2, 2, *options)
    for each, alone, together in zip(options, one, two, strict=True):
        assert_equal(alone, together, f"{each}: ")
        weights = [key for key in alone[1] if key.startswith("loss_weight/")]
        assert len(weights) == 3
        for key in weights:
            assert together[1][key] == pytest.approx(alone[1][key], abs=1e-3), f"{each}: {key}"


@pytest.mark.slow
def test_three_ranks_equal_one(tmp_path):
    sizes = {"sizes": {"mood": 27, "same": 33, "near": 24}}
    options = [sizes, {"optimizer_layout": "overlapping", "aggregator": "pcgrad", **sizes}]
    one, three = run(tmp_path / "one", 1, 6, *options), run(tmp_path / "three", 3, 2, *options)
    for each, alone, together in zip(options, one, three, strict=True):
        assert_equal(alone, together, f"{each}: ")


@pytest.mark.slow
def test_batches_that_do_not_divide_by_the_ranks_train_and_every_row_is_scored_once(tmp_path):
    ((weights, metrics),) = run(tmp_path / "three", 3, 2, {"num_train_epochs": 1})
    assert all(torch.isfinite(weight).all() for weight in weights.values())
    right = metrics["eval_mood_accuracy"] * 11  # of eleven rows
    assert right == pytest.approx(round(right), abs=1e-3)


def assert_equal(one, several, what=""):
    for name, weight in one[0].items():
        # Softmax does not see a key's bias: its gradient is rounding, which Adam makes steps of.
        close = 1e-3 if name.endswith("key.bias") else 1e-4
        torch.testing.assert_close(several[0][name], weight, rtol=1e-3, atol=close, msg=what + name)
    for key, value in one[1].items():
        if key.startswith("loss/") or key.endswith(("accuracy", "pearson", "mrr_at_10", "overall")):
            assert several[1][key] == pytest.approx(value, abs=1e-3), what + key
