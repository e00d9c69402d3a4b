"""Between two logs nothing in a training step makes the host wait for the device."""

import pytest
import torch
from transformers import TrainerCallback

from tests.toys import toy_trainer
from tests.waiting import Waiting


class Watch(TrainerCallback):
    """Watches all steps but the first, in which things are made once and gradients measured."""

    def __init__(self, waiting):
        self.waiting = waiting

    def on_step_begin(self, args, state, control, **_):
        self.waiting.watching = state.global_step > 0

    def on_epoch_end(self, *args, **_):
        self.waiting.watching = False


def lines_that_wait(folder, **options):
    waiting = Waiting()
    trainer = toy_trainer(
        folder,
        logging_steps=500,
        max_steps=3,
        callbacks=[Watch(waiting)],
        **options,
    )
    trainer.finite.on_device = True
    with waiting:
        trainer.train()
    return waiting.found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"update": "turn"},
        {"gradient_accumulation_steps": 2},
        {"rule": "pcgrad"},
        {"rule": "mtrec", "auxiliary_tasks": ["near"]},
        {"rule": "graddrop"},
        {"gradient_cosines": True},
        {"layout": "overlapping", "rule": "pcgrad"},
        {"layer_decay": 0.9, "ema_decay": 0.9},
        {"loss_weights": "uncertainty"},
        {"rdrop_weight": 1.0},
        {"bregman_weight": 1.0},
        {"nonfinite": "skip"},
        {"nonfinite": "ignore"},
        {"bf16": True},
        {"trains": "lora"},
    ],
    ids=str,
)
def test_no_line_of_a_step_waits(tmp_path, options):
    assert lines_that_wait(tmp_path, **options) == set()


def test_rules_with_solvers_on_the_host_wait_once(tmp_path):
    found = lines_that_wait(tmp_path, rule="mgda")
    assert found and all(place.startswith("torchjd_rules.py") for place in found)


def test_a_line_that_waits_is_found():
    waiting = Waiting()
    waiting.watching = True
    with waiting:
        bool(torch.ones(()))
        torch.arange(3)[torch.tensor([True, False, True])]
    assert len(waiting.found) == 2
