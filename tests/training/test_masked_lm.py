import logging
import math
import re
from types import SimpleNamespace

import pytest
import torch
from datasets import Dataset
from transformers import (
    AutoConfig,
    AutoModel,
    BertForMaskedLM,
    BertModel,
    T5Config,
    TrainerCallback,
)

from tests.toys import toy_backbone_config, toy_model, toy_rows, toy_tokenizer
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.errors import InputError
from trainer.training.masked_lm import collect_texts, language_model, masked_loss, pretrain
from trainer.training.nan_guard import MAX_SKIPS_IN_A_ROW, NonFiniteError


def tokenizer():
    made = toy_tokenizer()
    made.add_special_tokens({"mask_token": "[MASK]"})
    return made


def repeated(count, seed=0, first=4):
    """Texts that say one of eight words again and again."""
    random = torch.Generator().manual_seed(seed)
    words = torch.randint(first, first + 8, (count, 2), generator=random).tolist()
    return Dataset.from_dict({"input_ids": [[2, *[w] * (5 + n % 4), 3] for w, n in words]})


def arguments(folder, **options):
    return HybridMTLTrainingArguments(
        **{
            "output_dir": str(folder),
            "per_device_train_batch_size": 8,
            "learning_rate": 1e-2,
            "num_train_epochs": 3,
            "save_strategy": "no",
            "logging_steps": 1,
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": True,
            "seed": 3,
            **options,
        }
    )


def weights(module):
    return {name: p.detach().clone() for name, p in module.state_dict().items()}


def changed(module, before):
    return {name for name, p in module.state_dict().items() if not torch.equal(p, before[name])}


def test_its_checkpoints_are_not_published(hub, tmp_path):
    options = {"push_to_hub": True, "hub_model_id": "me/run"}
    options |= {"save_strategy": "steps", "save_steps": 1, "max_steps": 1}
    pretrain(toy_model(), repeated(16), tokenizer(), arguments(tmp_path, **options))
    assert (tmp_path / "checkpoint-1").is_dir()
    assert hub.seen == []


def test_an_encoder_in_half_precision_is_pretrained_in_float32(tmp_path):
    model = toy_model().to(torch.bfloat16)
    pretrain(model, repeated(16), tokenizer(), arguments(tmp_path, max_steps=1))
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_texts_of_all_tasks_come_once_and_in_a_seeded_order():
    tokenized = {task: toy_rows(task, 20, seed=1) for task in ("mood", "same")}
    tokenized["again"] = tokenized["same"]
    columns = [("mood", "input_ids"), ("same", "input_ids"), ("same", "pair_input_ids")]
    expected = {tuple(ids) for task, name in columns for ids in tokenized[task][name]}
    found = [tuple(ids) for ids in collect_texts(tokenized, seed=5)["input_ids"]]
    assert len(found) == len(expected) and set(found) == expected
    assert found == [tuple(ids) for ids in collect_texts(tokenized, seed=5)["input_ids"]]
    assert found != [tuple(ids) for ids in collect_texts(tokenized, seed=6)["input_ids"]]


def test_texts_keep_their_token_types():
    rows = {"input_ids": [[2, 9, 3, 8, 3], [2, 7, 3]], "token_type_ids": [[0, 0, 0, 1, 1], [0] * 3]}
    pairs = {"pair_input_ids": [[2, 6, 3], [2, 7, 3]], "pair_token_type_ids": [[0] * 3, [0] * 3]}
    found = collect_texts({"a": Dataset.from_dict({**rows, **pairs})})
    assert sorted(zip(found["input_ids"], found["token_type_ids"], strict=True)) == [
        ([2, 6, 3], [0, 0, 0]),
        ([2, 7, 3], [0, 0, 0]),
        ([2, 9, 3, 8, 3], [0, 0, 0, 1, 1]),
    ]


def test_the_encoder_learns_and_the_heads_stay(tmp_path):
    model = toy_model()
    heads, encoder = weights(model.heads), weights(model.backbone)
    config = model.config.to_dict()
    log = pretrain(
        model,
        repeated(96),
        tokenizer(),
        arguments(tmp_path, num_train_epochs=4, eval_strategy="epoch", eval_on_start=True),
        validation=repeated(40, seed=1),
        mask_share=0.3,
    )
    losses = [entry["eval_loss"] for entry in log if "eval_loss" in entry]
    assert len(losses) == 5
    assert losses[0] == pytest.approx(math.log(50), rel=0.1)
    assert losses[-1] < 0.6 * losses[0]
    assert len([entry for entry in log if "loss" in entry]) == 4 * 12
    assert changed(model.heads, heads) == set()
    assert changed(model.backbone, encoder) == {n for n, _ in model.backbone.named_parameters()}
    assert model.config.to_dict() == config


def test_the_language_model_shares_the_encoder(caplog):
    backbone = toy_model().backbone
    mlm = language_model(backbone, None)
    assert mlm.bert is backbone
    assert mlm.cls.predictions.decoder.weight is backbone.embeddings.word_embeddings.weight
    assert "'bert' has no language-model head; a new one is trained" in caplog.text


@pytest.mark.parametrize("kind", ["distilbert", "roberta", "modernbert", "electra"])
def test_other_encoders_are_shared_too(kind):
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    if kind == "distilbert":
        sizes = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
    fields = {**sizes, "vocab_size": 50, "intermediate_size": 32, "embedding_size": 16}
    encoder = AutoModel.from_config(AutoConfig.for_model(kind, **fields, pad_token_id=0))
    mlm = language_model(encoder, None)
    ids = torch.tensor([[2, 9, 8, 3]])
    logits = mlm(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    masked_loss(SimpleNamespace(logits=logits), ids).backward()
    assert mlm.get_output_embeddings().weight is encoder.get_input_embeddings().weight
    names = {n for n, p in encoder.named_parameters() if p.grad is None}
    assert not {name for name in names if "pooler" not in name}


def test_the_head_comes_from_a_checkpoint_that_has_one(tmp_path, caplog):
    original = BertForMaskedLM(toy_backbone_config())
    torch.nn.init.normal_(original.cls.predictions.bias)
    original.save_pretrained(tmp_path)
    backbone = toy_model(seed=4).backbone
    encoder = weights(backbone)
    with caplog.at_level(logging.WARNING, logger="trainer.training.masked_lm"):
        mlm = language_model(backbone, str(tmp_path))
    assert "language-model head" not in caplog.text
    assert mlm.bert is backbone and not changed(backbone, encoder)
    for name in ("bias", "transform.dense.weight", "decoder.bias"):
        name = f"cls.predictions.{name}"
        assert torch.equal(mlm.state_dict()[name], original.state_dict()[name]), name
    assert mlm.cls.predictions.decoder.weight is backbone.embeddings.word_embeddings.weight


def test_an_encoder_without_a_head_gets_a_new_one(tmp_path, caplog):
    BertModel(toy_backbone_config()).save_pretrained(tmp_path)
    language_model(toy_model().backbone, str(tmp_path))
    assert f"'{tmp_path}' has no language-model head; a new one is trained" in caplog.text


@pytest.mark.parametrize(
    "stop_at, options", [(5, {}), (9, {}), (9, {"lr_scheduler_type": "cyclic", "optim": "adam"})]
)
def test_an_interrupted_run_goes_on_exactly(tmp_path, stop_at, options, caplog):
    """Six steps an epoch: stopped within the first and within the second; dropout is on."""
    options = {**options, "save_strategy": "steps", "save_steps": stop_at, "warmup_steps": 2}
    dropout = {"hidden_dropout_prob": 0.1}
    whole, resumed = toy_model(**dropout), toy_model(seed=7, **dropout)
    texts, arg = collect_texts({"mood": toy_rows("mood", 48)}), arguments(tmp_path, **options)
    log = pretrain(whole, texts, tokenizer(), arg)
    folder = tmp_path / f"checkpoint-{stop_at}"
    assert not list(tmp_path.glob("**/training_args.bin"))
    torch.manual_seed(99)
    caplog.clear()
    again = pretrain(resumed, texts, tokenizer(), arg, start_from="ignored", checkpoint=str(folder))
    assert not changed(resumed.backbone, weights(whole.backbone))
    kept = ("step", "loss", "learning_rate", "grad_norm")
    assert [{k: e.get(k) for k in kept} for e in again] == [
        {k: e.get(k) for k in kept} for e in log
    ]
    assert "language-model head" not in caplog.text


def test_every_evaluation_has_the_same_masks_and_every_epoch_others(tmp_path):
    options = {"eval_strategy": "epoch", "learning_rate": 0.0, "lr_scheduler_type": "constant"}
    texts = repeated(40)
    log = pretrain(
        toy_model(), texts, tokenizer(), arguments(tmp_path, **options), validation=texts
    )
    assert len({entry["eval_loss"] for entry in log if "eval_loss" in entry}) == 1
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert len(set(losses)) == len(losses) == 15


def test_the_best_checkpoint_is_that_of_the_lowest_loss(tmp_path):
    options = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True}
    model = toy_model()
    # Words that training never sees: the more it learns, the less it expects them.
    validation = repeated(40, first=20)
    arg = arguments(tmp_path, **options)
    log = pretrain(model, repeated(40), tokenizer(), arg, validation=validation)
    losses = [entry["eval_loss"] for entry in log if "eval_loss" in entry]
    best = losses.index(min(losses)) + 1
    assert best == 1
    saved = BertForMaskedLM.from_pretrained(tmp_path / f"checkpoint-{best * 5}")
    assert not changed(model.backbone, weights(saved.bert))


def test_rows_of_like_length_are_trained_together(tmp_path, monkeypatch):
    padding = {}
    for window in (0, 50):
        shapes = []
        monkeypatch.setattr(
            "trainer.training.masked_lm.masked_loss",
            lambda outputs, labels, num_items_in_batch=None, shapes=shapes: (
                shapes.append(labels.numel()) or masked_loss(outputs, labels, num_items_in_batch)
            ),
        )
        arg = arguments(tmp_path, num_train_epochs=1, length_window=window)
        pretrain(toy_model(), toy_rows("mood", 80).select_columns("input_ids"), tokenizer(), arg)
        padding[window] = sum(shapes)
    assert padding[50] < 0.9 * padding[0]


def test_the_loss_is_the_mean_over_masked_tokens_and_never_broken():
    logits = torch.randn(2, 3, 5)
    labels = torch.tensor([[-100, 4, -100], [0, -100, 2]])
    expected = torch.stack(
        [-logits.log_softmax(-1)[i, j, labels[i, j]] for i, j in [(0, 1), (1, 0), (1, 2)]]
    )
    torch.testing.assert_close(masked_loss(SimpleNamespace(logits=logits), labels), expected.mean())
    nothing = torch.full((2, 3), -100)
    assert masked_loss(SimpleNamespace(logits=logits), nothing) == 0
    part = masked_loss(SimpleNamespace(logits=logits), labels, torch.tensor(12))
    torch.testing.assert_close(part, expected.sum() / 12)


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_a_share_of_masks_is_between_0_and_1(tmp_path, share):
    with pytest.raises(InputError, match=re.escape(f"mask_share = {share!r}: must be between")):
        pretrain(toy_model(), repeated(8), tokenizer(), arguments(tmp_path), mask_share=share)


def test_what_cannot_be_pretrained_is_refused(tmp_path):
    with pytest.raises(InputError, match="the tokenizer has no mask token"):
        pretrain(toy_model(), repeated(8), toy_tokenizer(), arguments(tmp_path))
    frozen = toy_model()
    frozen.backbone.requires_grad_(False)
    with pytest.raises(InputError, match="the encoder is frozen"):
        pretrain(frozen, repeated(8), tokenizer(), arguments(tmp_path))
    adapted = toy_model()
    adapted.attach_task_adapters(["mood"], target_modules=["query"])
    with pytest.raises(InputError, match="the encoder of the adapters mood"):
        pretrain(adapted, repeated(8), tokenizer(), arguments(tmp_path))
    with pytest.raises(InputError, match="no such model for an encoder of type 't5'"):
        language_model(SimpleNamespace(config=T5Config()), None)
    with pytest.raises(InputError, match=re.escape(f"'{tmp_path / 'nowhere'}': ")):
        language_model(toy_model().backbone, str(tmp_path / "nowhere"))


class Spoil(TrainerCallback):
    """From one step to another the loss is NaN."""

    def __init__(self, first, last):
        self.first, self.last = first, last

    def on_step_begin(self, args, state, control, model, **_):
        self.spoiled = self.first <= state.global_step + 1 <= self.last

    def on_train_begin(self, args, state, control, model, **_):
        last = model.cls.predictions.decoder
        last.register_forward_hook(lambda *given: given[2] * math.nan if self.spoiled else None)


def test_a_loss_that_is_not_finite_stops_pretraining(tmp_path):
    model = toy_model()
    before = weights(model)
    with pytest.raises(
        NonFiniteError, match="^step 1: the loss of masked language modeling is nan"
    ):
        pretrain(model, repeated(32), tokenizer(), arguments(tmp_path), callbacks=[Spoil(1, 1)])
    assert all(torch.equal(value, before[name]) for name, value in weights(model).items())


def test_or_is_left_out_but_not_for_ever(tmp_path, caplog):
    args = arguments(tmp_path, nan_policy="skip", num_train_epochs=6)
    model = toy_model()
    with caplog.at_level(logging.WARNING):
        pretrain(model, repeated(32), tokenizer(), args, callbacks=[Spoil(2, 4)])
    assert caplog.text.count("the step is skipped") == 3
    assert all(p.isfinite().all() for p in model.parameters())
    with pytest.raises(NonFiniteError, match=f"^step {1 + MAX_SKIPS_IN_A_ROW}: "):
        pretrain(model, repeated(32), tokenizer(), args, callbacks=[Spoil(2, 99)])


def test_an_encoder_that_is_broken_at_the_end_is_not_handed_on(tmp_path):
    class Break(TrainerCallback):
        def on_train_end(self, args, state, control, model, **_):
            with torch.no_grad():
                model.bert.encoder.layer[0].output.dense.bias[0] = math.inf

    for nan_policy in ("stop", "skip"):
        with pytest.raises(NonFiniteError, match="1 weights of the encoder are not finite"):
            args = arguments(tmp_path, nan_policy=nan_policy)
            pretrain(toy_model(), repeated(16), tokenizer(), args, callbacks=[Break()])
