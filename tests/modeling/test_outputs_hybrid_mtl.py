"""What other libraries ask of a transformers model's forward pass, and get."""

import pytest
import torch
from transformers import pipeline

from modeling_hybrid_mtl import HybridMTLModel
from tests.modeling.toy_models import (
    BACKBONES,
    SIAMESE,
    TASKS,
    counted_calls,
    inputs_for,
    labels_for,
    toy_model,
    toy_tokenizer,
)

LAYERS = 2
HEADS = 2


@pytest.fixture(params=BACKBONES)
def model(request) -> HybridMTLModel:
    return toy_model(request.param)


@pytest.fixture
def eager(model) -> HybridMTLModel:
    model.set_attn_implementation("eager")
    return model


@pytest.mark.parametrize("task", [None, "mood", "tags", "near", "follows"])
def test_hidden_states_are_those_of_every_layer(model, task):
    inputs = inputs_for(task or "mood")
    output = model(**inputs, task=task, output_hidden_states=True)
    shape = (6, 9, 16) if task in SIAMESE else (3, 7, 16)
    assert [state.shape for state in output.hidden_states] == [shape] * (LAYERS + 1)
    assert torch.equal(output.hidden_states[-1], output.last_hidden_state)
    plain = model(**inputs, task=task)
    torch.testing.assert_close(output.embeddings, plain.embeddings, atol=1e-5, rtol=1e-4)
    assert plain.hidden_states is None and "hidden_states" not in plain


@pytest.mark.parametrize("task", [None, "mood", "near"])
def test_attentions_are_weights_over_the_real_tokens(eager, task):
    inputs = inputs_for(task or "mood")
    output = eager(**inputs, task=task, output_attentions=True)
    rows, length = (6, 9) if task in SIAMESE else (3, 7)
    assert [a.shape for a in output.attentions] == [(rows, HEADS, length, length)] * LAYERS
    for attention in output.attentions:
        real = inputs["attention_mask"].bool()
        torch.testing.assert_close(attention.sum(-1), torch.ones(rows, HEADS, length))
        assert not attention[0, :, :, : real.shape[1]][:, :, ~real[0]].any()


def test_attention_weights_that_nothing_keeps_are_refused(model):
    with pytest.raises(ValueError, match=r"set_attn_implementation\('eager'\)"):
        model(**inputs_for("mood"), output_attentions=True)


def test_gradients_reach_hidden_states_and_attentions(eager):
    output = eager(**inputs_for("mood"), output_attentions=True, output_hidden_states=True)
    kept = (output.hidden_states[0], output.attentions[0])
    for tensor in kept:
        tensor.retain_grad()
    output[0].flatten()[0].backward()
    assert all(tensor.grad is not None for tensor in kept)


@pytest.mark.parametrize("task", [None, "mood", "same"])
@pytest.mark.parametrize("more", [{}, {"output_hidden_states": True}])
def test_a_tuple_holds_the_same_in_the_same_order(model, task, more):
    inputs = inputs_for(task or "mood")
    labels = {} if task is None else {"labels": labels_for(task)}
    named = model(**inputs, task=task, **labels, **more)
    plain = model(**inputs, task=task, **labels, **more, return_dict=False)
    assert type(plain) is tuple and len(plain) == len(named)
    for one, other in zip(plain, named.to_tuple(), strict=True):
        torch.testing.assert_close(one, other)


def test_what_the_configuration_asks_for_is_given(tmp_path):
    toy_model().save_pretrained(tmp_path)
    inputs = inputs_for("mood")
    model = HybridMTLModel.from_pretrained(
        tmp_path, output_hidden_states=True, output_attentions=True, attn_implementation="eager"
    )
    output = model(**inputs, task="mood")
    assert len(output.hidden_states) == LAYERS + 1 and len(output.attentions) == LAYERS
    assert model(**inputs, output_hidden_states=False).hidden_states is None
    model = HybridMTLModel.from_pretrained(tmp_path, return_dict=False)
    assert type(model(**inputs)) is tuple
    assert model(**inputs, task="mood", return_dict=True).logits is not None


@pytest.mark.parametrize("task", [None, "mood", "tags", "follows"])
def test_embeddings_stand_for_token_ids(model, task):
    inputs = inputs_for(task or "mood")
    known = model(**inputs, task=task)
    vectors = model.get_input_embeddings()(inputs.pop("input_ids"))
    vectors.retain_grad()
    found = model(inputs_embeds=vectors, **inputs, task=task)
    torch.testing.assert_close(found.embeddings, known.embeddings, atol=1e-5, rtol=1e-4)
    found[0].sum().backward()
    assert vectors.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
def test_positions_are_the_callers(kind):
    model, inputs = toy_model(kind), inputs_for("mood")
    counted = torch.arange(7).expand(3, 7) + (2 if kind == "roberta" else 0)
    plain = model(**inputs).embeddings
    same = model(**inputs, position_ids=counted).embeddings
    torch.testing.assert_close(same, plain, atol=1e-5, rtol=1e-4)
    assert (model(**inputs, position_ids=counted.flip(1)).embeddings - plain).abs().max() > 1e-3


def test_inputs_that_make_no_sense_are_refused():
    model, inputs, pair = toy_model(), inputs_for("mood"), inputs_for("same")
    vectors = model.get_input_embeddings()(inputs["input_ids"])
    with pytest.raises(ValueError, match="either input_ids or inputs_embeds"):
        model(**inputs, inputs_embeds=vectors)
    with pytest.raises(ValueError, match="either input_ids or inputs_embeds"):
        model(task="mood")
    for more in ({"position_ids": torch.arange(7)[None]}, {"inputs_embeds": vectors}):
        own = {n: v for n, v in pair.items() if "inputs_embeds" not in more or n != "input_ids"}
        with pytest.raises(ValueError, match=f"{next(iter(more))} is not supported"):
            model(**own, **more)
    model._takes_positions = False
    with pytest.raises(ValueError, match="position_ids: not supported by a bert encoder"):
        model(**inputs, position_ids=torch.arange(7)[None])


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
@pytest.mark.parametrize("back", ["sdpa", {"backbone_config": "sdpa", "": "sdpa"}])
def test_passes_without_padding_come_back_with_their_attention(kind, back):
    model = toy_model(kind)
    assert model.unpads
    for other in ("eager", {"backbone_config": "eager"}):
        model.set_attn_implementation(other)
        assert not model.unpads
        model.set_attn_implementation(back)
        assert model.unpads
        with counted_calls(model) as calls:
            model(**inputs_for("mood"))
        assert calls == [(1, 16)]


@pytest.mark.parametrize("saved", [False, True])
def test_features_are_one_vector_a_token(saved, tmp_path):
    model, tokenizer = toy_model(), toy_tokenizer()
    known = {"model": model, "tokenizer": tokenizer}
    if saved:
        for part in known.values():
            part.save_pretrained(tmp_path)
        known = {"model": str(tmp_path), "trust_remote_code": True}
    pipe = pipeline("feature-extraction", **known, device="cpu")
    found = torch.tensor(pipe("the film was good"))
    hidden = model(**tokenizer("the film was good", return_tensors="pt")).last_hidden_state
    torch.testing.assert_close(found, hidden, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("task_type", [None, "FEATURE_EXTRACTION", "SEQ_CLS", "TOKEN_CLS"])
def test_peft_wraps_it_whatever_the_task_is_called(task_type, tmp_path):
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(
        task_type=task_type,
        r=2,
        target_modules=["query"],
        modules_to_save=["heads.mood"],
        init_lora_weights=False,
    )
    model = peft.get_peft_model(toy_model(tasks={"mood": TASKS["mood"]}), config)
    inputs = inputs_for("mood")
    model(**inputs, task="mood", labels=labels_for("mood")).loss.backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    assert trained and all(p.grad is not None for p in trained)
    model.eval().save_pretrained(tmp_path)
    again = peft.PeftModel.from_pretrained(toy_model(tasks={"mood": TASKS["mood"]}), tmp_path)
    logits = model(**inputs, task="mood").logits
    torch.testing.assert_close(again.eval()(**inputs, task="mood").logits, logits)
    assert not torch.allclose(
        logits, toy_model(tasks={"mood": TASKS["mood"]})(**inputs, task="mood").logits
    )


def test_another_kind_of_model_is_named(tmp_path):
    toy_model("roberta").backbone.save_pretrained(tmp_path)
    for load in (HybridMTLModel.from_pretrained, HybridMTLModel.config_class.from_pretrained):
        with pytest.raises(ValueError, match=r"is a roberta model.*from_backbone"):
            load(tmp_path)
