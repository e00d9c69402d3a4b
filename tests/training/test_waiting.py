"""Between two logs nothing in a training step makes the host wait for the device."""

import pytest
import torch

from benchmarks.gpu.host_reads import HostReads, Watch
from tests.toys import toy_trainer


def lines_that_wait(folder, **options):
    reads = HostReads()
    trainer = toy_trainer(
        folder, logging_steps=500, max_steps=3, callbacks=[Watch(reads)], **options
    )
    trainer.decide_on_device = True
    with reads:
        trainer.train()
    return set(reads.found)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"step_every": "batch"},
        {"gradient_accumulation_steps": 2},
        {"aggregator": "pcgrad"},
        {"aggregator": "mtrec", "auxiliary_tasks": ["near"]},
        {"aggregator": "graddrop"},
        {"gradient_cosines": True},
        {"optimizer_layout": "overlapping", "aggregator": "pcgrad"},
        {"layer_decay": 0.9, "ema_decay": 0.9},
        {"loss_weights": "uncertainty"},
        {"loss_weights": "gradnorm"},
        {"loss_weights": "famo"},
        {"loss_weights": "dwa", "dwa_period": 1},
        {"rdrop_weight": 1.0},
        {"bregman_weight": 1.0},
        {"nan_policy": "skip"},
        {"nan_policy": "ignore"},
        {"bf16": True},
        {"trainable": "lora"},
    ],
    ids=str,
)
def test_no_line_of_a_step_waits(tmp_path, options):
    assert lines_that_wait(tmp_path, **options) == set()


def test_aggregators_with_solvers_on_the_host_wait_once(tmp_path):
    found = lines_that_wait(tmp_path, aggregator="mgda")
    assert found and all(
        place.startswith(("solver.py", "torchjd_aggregators.py")) for place in found
    )


def test_a_line_that_waits_is_found():
    reads = HostReads()
    with reads:
        assert torch.ones(())  # not yet
        reads.watching = True
        bool(torch.ones(()))
        torch.arange(3)[torch.tensor([True, False, True])]
    assert [place.partition(": ")[2] for place in reads.found] == [
        "bool(torch.ones(()))",
        "torch.arange(3)[torch.tensor([True, False, True])]",
    ]
