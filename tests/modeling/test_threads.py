"""Callers in several threads get what each of them asked for."""

import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from transformers import pipeline

from modeling_hybrid_mtl.lora_hybrid_mtl import ActiveAdapters
from tests.modeling.toy_models import inputs_for, toy_model, toy_tokenizer, with_adapters


@pytest.fixture
def model():
    return with_adapters(toy_model(), "mood", "tags", "near", "shared")


@torch.no_grad()
def test_two_tasks_at_once_each_read_the_encoder_with_their_own_adapter(model):
    tasks = ["mood", "tags", "near", "stars"]
    expected = {task: model(**inputs_for(task), task=task).logits for task in tasks}
    # Every thread has chosen its adapters before the first of them reads the encoder.
    together = Barrier(len(tasks))
    model.backbone.register_forward_pre_hook(lambda *_: (together.wait(60), None)[1])

    def ask(task: str) -> torch.Tensor:
        with torch.no_grad():
            return model(**inputs_for(task), task=task).logits

    with ThreadPoolExecutor(len(tasks)) as pool:
        for task, logits in zip(tasks, pool.map(ask, tasks), strict=True):
            torch.testing.assert_close(logits, expected[task], msg=task)


def test_a_pipeline_s_callers_do_not_mix(model):
    pipe = pipeline("hybrid-mtl", model=model, tokenizer=toy_tokenizer(), device="cpu")
    calls = [({"text": "a film", "text_pair": "the witty film"}, name) for name in ("near", "same")]
    calls += [("a good film " * n, name) for n in (1, 30) for name in ("mood", "stars", "tags")]
    alone = pipeline("hybrid-mtl", model=copy.deepcopy(model), tokenizer=toy_tokenizer())
    expected = [alone(row, task=task) for row, task in calls]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda call: pipe(call[0], task=call[1]), calls * 10))
    finally:
        sys.setswitchinterval(before)
    assert found == expected * 10


def test_a_thread_without_a_choice_of_its_own_finds_the_last_one():
    # A backward pass on a GPU, which may compute activations again, is a thread of torch's.
    active = ActiveAdapters()
    active.names = ("mood",)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: active.names).result() == ("mood",)
        pool.submit(setattr, active, "names", ("near",)).result()
    assert active.names == ("mood",)


def test_a_model_with_adapters_can_be_copied_and_pickled(model):
    model.activate_adapters("mood")
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        found = other(**inputs_for("near"), task="near").logits
        assert model._active.names == ("shared", "mood")  # nobody else's
        torch.testing.assert_close(found, model(**inputs_for("near"), task="near").logits)
        model.activate_adapters("mood")
