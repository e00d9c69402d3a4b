"""Predictions on the device are those of the CPU, and passes without padding those with it."""

import pytest
import torch
from transformers import AutoModel

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLPipeline
from modeling_hybrid_mtl.unpadding_hybrid_mtl import FAMILIES, enable_unpadding, encode_unpadded
from modeling_hybrid_mtl.varlen_attention_hybrid_mtl import kernel_for
from tests.modeling.toy_models import (
    LENGTHS,
    TASKS,
    encoder_of,
    inputs_for,
    labels_for,
    toy_batch,
    toy_model,
    toy_tokenizer,
)
from tests.toys import toy_trainer

pytestmark = pytest.mark.gpu
close = {"rtol": 1e-4, "atol": 1e-4}


def moved(batch, device):
    return {name: tensor.to(device) for name, tensor in batch.items()}


@pytest.mark.parametrize("kind", FAMILIES)
def test_passes_without_padding_are_those_with_it(device, kind):
    encoder, batch = (
        encoder_of(kind, local_attention=6) if kind == "modernbert" else encoder_of(kind),
        toy_batch(LENGTHS),
    )
    weights = [p for name, p in encoder.named_parameters() if "pooler" not in name]
    read = batch["attention_mask"].bool()
    wanted = encoder(**batch).last_hidden_state[read]
    gradients = torch.autograd.grad(wanted.square().sum(), weights, allow_unused=True)
    enable_unpadding(encoder.to(device))
    weights = [p for name, p in encoder.named_parameters() if "pooler" not in name]
    unpadded = encode_unpadded(
        encoder, batch["attention_mask"], input_ids=batch["input_ids"].to(device)
    )
    found = unpadded[read.to(device)]
    torch.testing.assert_close(found.cpu(), wanted, **close)
    own = torch.autograd.grad(found.square().sum(), weights, allow_unused=True)
    for ours, theirs in zip(own, gradients, strict=True):
        if theirs is not None:
            torch.testing.assert_close(ours.cpu(), theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("width", [8, 32, 64])
def test_a_kernel_reads_rows_of_texts(device, dtype, width):
    kernel = kernel_for(torch.device(device), dtype, width, False)
    assert device == "cpu" or kernel is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_cycle_takes_one_pass_with_the_results_of_several(device, dtype):
    model = toy_model().to(device, dtype)
    batches = {
        name: moved({**inputs_for(name), "labels": labels_for(name)}, device) for name in TASKS
    }
    together = model.forward_tasks(batches)
    model.unpadding = False
    tolerance = (
        {"rtol": 1e-3, "atol": 1e-3} if dtype == torch.float32 else {"rtol": 0.1, "atol": 0.1}
    )
    for task, batch in batches.items():
        wanted = model(**batch, task=task)
        torch.testing.assert_close(together[task].loss, wanted.loss, **tolerance)


def test_answers_are_those_of_the_cpu(tmp_path, on_device):
    here, there = (toy_trainer(tmp_path, **options) for options in (on_device, {"use_cpu": True}))
    found, wanted = here.predict_tasks(), there.predict_tasks()
    for task, answers in wanted.items():
        torch.testing.assert_close(
            torch.from_numpy(found[task].outputs), torch.from_numpy(answers.outputs), **close
        )
        assert found[task].loss == pytest.approx(answers.loss, rel=1e-3)


def texts(count=7):
    return ["a very good film", "dull play", "anna in paris , witty"] * (count // 3 + 1)


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_pipeline(tmp_path, device, dtype, size):
    toy_model().save_pretrained(tmp_path)
    toy_tokenizer().save_pretrained(tmp_path)
    usual, here = (
        HybridMTLPipeline(
            model=HybridMTLModel.from_pretrained(tmp_path, dtype=kind),
            tokenizer=toy_tokenizer(),
            device=0 if place == "cuda" else place,
        )
        for kind, place in ((torch.float32, "cpu"), (dtype, device))
    )
    found = here(texts(), task="mood", batch_size=size)
    wanted = usual(texts(), task="mood", batch_size=size)
    tolerance = 1e-4 if dtype == torch.float32 else 0.1
    for ours, theirs in zip(found, wanted, strict=True):
        if theirs["score"] > 0.6:
            assert ours["label"] == theirs["label"]
        assert ours["score"] == pytest.approx(theirs["score"], abs=tolerance)


def test_device_map_auto(tmp_path, device):
    model = toy_model()
    model.save_pretrained(tmp_path)
    placed = HybridMTLModel.from_pretrained(tmp_path, device_map="auto")
    assert placed.device.type == device or device == "cpu"
    batch = inputs_for("mood")
    found = placed(**moved(batch, placed.device), task="mood").logits
    torch.testing.assert_close(found.cpu(), model(**batch, task="mood").logits, **close)


def test_a_published_folder_opens_on_the_device(tmp_path, device):
    model = toy_model()
    model.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path, trust_remote_code=True).to(device)
    batch = inputs_for("near")
    found = loaded(**moved(batch, device), task="near").logits
    torch.testing.assert_close(found.cpu(), model(**batch, task="near").logits, **close)


def test_tokens_without_an_embedding_are_refused_before_the_device_fails(device):
    model = toy_model().to(device)
    batch = toy_batch([5, 3, 7])
    expected = model(**moved(batch, device)).embeddings
    wrong = {**batch, "input_ids": batch["input_ids"].clone()}
    wrong["input_ids"][1, 1] = 100
    with pytest.raises(ValueError, match="token ids up to 100, .* embeddings for 0 to 99"):
        model(**moved(wrong, device))
    model.tokenizer = toy_tokenizer()
    model.tokenizer.add_tokens([f"new{i}" for i in range(90)])
    with pytest.raises(ValueError, match="token ids up to 111"):
        model.encode("new89")
    assert torch.equal(model(**moved(batch, device)).embeddings, expected)
