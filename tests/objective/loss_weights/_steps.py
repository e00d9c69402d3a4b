"""Measurements of steps, for tests of loss weights."""

import torch

from modeling_hybrid_mtl import TaskConfig
from trainer.objective.loss_weights import StepMeasurements

ENTRY = {"kind": "classification", "labels": ["a", "b"]}
TASKS = {name: TaskConfig.from_entry(name, ENTRY) for name in ("first", "second")}
ABSENT = (torch.nan, torch.nan)


def step(losses=ABSENT, *, after=ABSENT, norms=ABSENT, number=1, skipped=False):
    vectors = [torch.tensor(values) for values in (losses, after, norms)]
    return StepMeasurements(number, *vectors, torch.tensor(float(skipped)))


def copy_of(weights):
    return {name: tensor.clone() for name, tensor in weights.state_dict().items()}


def assert_unchanged(weights, before):
    for name, tensor in weights.state_dict().items():
        assert torch.equal(tensor.nan_to_num(), before[name].nan_to_num()), name
