"""Means of a logging period, and what is kept for them."""

import gc
import weakref

import torch
from transformers import TrainerCallback

from tests.toys import toy_trainer
from trainer.objective.means import RunningMeans


def test_each_key_has_the_mean_since_it_was_last_taken():
    means = RunningMeans()
    for number in (1.0, 2.0, 6.0):
        means.add("mood", torch.tensor(number))
    means.add("near", torch.tensor(-4.0))
    assert {key: mean.item() for key, mean in means.pop().items()} == {"mood": 3, "near": -4}
    means.add("near", torch.tensor(7.0))
    assert {key: mean.item() for key, mean in means.pop().items()} == {"near": 7}
    assert means.pop() == {}


def test_what_was_added_is_not_kept_or_changed():
    means = RunningMeans()
    first, second = torch.tensor(1.0), torch.tensor(2.0)
    kept = weakref.ref(second)
    means.add("mood", first)
    means.add("mood", second)
    assert first.item() == 1
    del second
    assert kept() is None


class Scalars(TrainerCallback):
    """How many scalars there are after each step."""

    def __init__(self):
        self.counts = []

    def on_step_end(self, *_, **__):
        gc.collect()
        found = [o for o in gc.get_objects() if type(o) is torch.Tensor and o.dim() == 0]
        self.counts.append(len(found))


def test_a_run_that_logs_nothing_does_not_pile_up_what_it_would_log(tmp_path):
    counter = Scalars()
    options = {"logging_strategy": "no", "gradient_cosines": True, "max_steps": 8}
    toy_trainer(tmp_path, callbacks=[counter], **options).train()
    assert counter.counts[-1] == counter.counts[3] > 0
