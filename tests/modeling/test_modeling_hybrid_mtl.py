import pytest
import torch
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    set_seed,
)

from modeling_hybrid_mtl import (
    HybridMTLConfig,
    HybridMTLModel,
    HybridMTLOutput,
    unpadding_hybrid_mtl,
)
from modeling_hybrid_mtl.pretrained_hybrid_mtl import set_encoder_dropout
from tests.modeling.toy_models import (
    BACKBONES,
    CROSS,
    SIAMESE,
    SINGLE,
    TASKS,
    VOCABULARY_SIZE,
    counted_calls,
    inputs_for,
    labels_for,
    toy_backbone_config,
    toy_batch,
    toy_model,
    without_dropout,
)

every_backbone = pytest.mark.parametrize("kind", BACKBONES)
MOOD = {"mood": TASKS["mood"]}


@pytest.fixture(scope="module", params=BACKBONES)
def model(request) -> HybridMTLModel:
    """One model of each backbone; the tests that take it leave it as it is."""
    return toy_model(request.param)


@pytest.fixture(scope="module")
def bert() -> HybridMTLModel:
    return toy_model()


def encoder_dropouts(model: HybridMTLModel) -> list[float]:
    return [m.p for m in model.backbone.modules() if isinstance(m, nn.Dropout)]


class TestForward:
    @pytest.mark.parametrize("task", TASKS)
    def test_every_task_answers_and_learns(self, model, task):
        output = model(**inputs_for(task), task=task, labels=labels_for(task))
        shapes = {
            "classification": (3, len(TASKS[task].get("labels", ()))),
            "token_classification": (3, 7, 3),
            "regression": (3,),
            "similarity": (3,),
        }
        assert isinstance(output, HybridMTLOutput)
        assert output.logits.shape == shapes[TASKS[task]["kind"]]
        assert output.loss.shape == ()
        assert output.loss.isfinite()
        pair = task in SIAMESE
        assert output.embeddings.shape == ((3, 2, 16) if pair else (3, 16))
        assert output.last_hidden_state.shape == ((6, 9, 16) if pair else (3, 7, 16))

    @pytest.mark.parametrize("task", TASKS)
    def test_the_loss_reaches_the_backbone_and_its_own_head_alone(self, task):
        model = toy_model(tasks=without_dropout(TASKS)).train()
        model(**inputs_for(task), task=task, labels=labels_for(task)).loss.backward()
        for name, parameter in model.named_parameters():
            if name.startswith("heads."):
                assert (parameter.grad is not None) == name.startswith(f"heads.{task}.")
        assert model.get_input_embeddings().weight.grad.abs().sum() > 0

    def test_the_loss_is_the_first_entry(self, model):
        output = model(**inputs_for("mood"), task="mood", labels=labels_for("mood"))
        assert list(output) == ["loss", "logits", "last_hidden_state", "embeddings"]
        assert output[0] is output["loss"] is output.loss

    @pytest.mark.parametrize("pair", [False, True])
    def test_without_a_task_it_is_an_encoder(self, model, pair):
        output = model(**inputs_for("same" if pair else "mood"))
        assert list(output) == ["last_hidden_state", "embeddings"]
        assert output.logits is output.loss is None

    def test_the_task_changes_nothing_about_the_embeddings(self, model):
        alone = model(**inputs_for("mood")).embeddings
        assert torch.equal(model(**inputs_for("mood"), task="mood").embeddings, alone)

    def test_a_model_without_tasks_encodes(self):
        assert toy_model(tasks={})(**inputs_for("mood")).embeddings.shape == (3, 16)

    def test_the_loss_weight_scales_the_loss(self):
        plain = toy_model(tasks=MOOD)
        heavy = toy_model(tasks={"mood": {**TASKS["mood"], "loss_weight": 2.5}})
        losses = [
            m(**inputs_for("mood"), task="mood", labels=labels_for("mood")).loss
            for m in (plain, heavy)
        ]
        torch.testing.assert_close(losses[1], 2.5 * losses[0])

    @every_backbone
    def test_token_types_are_dropped_where_the_backbone_knows_none(self, kind):
        model = toy_model(kind, tasks={"mood": TASKS["mood"], "same": TASKS["same"]})
        knows_them = kind in ("bert", "roberta")
        # RoBERTa knows the argument; with two types it matters.
        single, pair = inputs_for("mood"), inputs_for("same")
        types = {"token_type_ids": torch.ones_like(single["input_ids"])}
        pair_types = types | {"pair_token_type_ids": torch.ones_like(pair["pair_input_ids"])}
        same = torch.equal(model(**single).embeddings, model(**single, **types).embeddings)
        assert same != knows_them
        same = torch.equal(model(**pair).embeddings, model(**pair, **pair_types).embeddings)
        assert same != knows_them


class TestPair:
    def test_a_siamese_pair_is_one_call_of_the_backbone(self, model):
        for task in SIAMESE:
            with counted_calls(model) as calls:
                model(**inputs_for(task), task=task)
            assert len(calls) == 1
        for task in (*SINGLE, *CROSS):
            with counted_calls(model) as calls:
                model(**inputs_for(task), task=task)
            assert len(calls) == 1

    def test_each_text_is_encoded_as_if_alone(self, model):
        first, second = toy_batch([5, 3, 7], seed=1), toy_batch([2, 9, 4], seed=2)
        pair = model(**first, **{f"pair_{k}": v for k, v in second.items()}).embeddings
        for side, batch in enumerate((first, second)):
            for row, length in enumerate(batch["attention_mask"].sum(1)):
                alone = model(batch["input_ids"][row : row + 1, :length]).embeddings[0]
                torch.testing.assert_close(pair[row, side], alone, atol=1e-5, rtol=1e-4)

    def test_masks_left_out_mean_no_padding(self, model):
        first, second = toy_batch([4, 4], seed=1), toy_batch([6, 6], seed=2)
        masked = model(**first, **{f"pair_{k}": v for k, v in second.items()}).embeddings
        bare = model(first["input_ids"], pair_input_ids=second["input_ids"]).embeddings
        torch.testing.assert_close(bare, masked, atol=1e-6, rtol=1e-5)

    def test_the_texts_of_a_pair_may_change_places(self, model):
        inputs = inputs_for("near")
        turned = {
            (key.removeprefix("pair_") if key.startswith("pair_") else f"pair_{key}"): value
            for key, value in inputs.items()
        }
        torch.testing.assert_close(
            model(**inputs, task="near").logits,
            model(**turned, task="near").logits,
            atol=1e-5,
            rtol=1e-4,
        )


class TestWrongCalls:
    @pytest.mark.parametrize("task", SIAMESE)
    def test_a_siamese_task_wants_the_second_text(self, bert, task):
        with pytest.raises(ValueError, match=f"'{task}'.*pair_input_ids"):
            bert(**inputs_for("mood"), task=task)

    @pytest.mark.parametrize("task", [*SINGLE, *CROSS])
    def test_other_tasks_take_no_second_text(self, bert, task):
        with pytest.raises(ValueError, match=f"'{task}'.*pair_input_ids"):
            bert(**inputs_for("same"), task=task)

    def test_an_unknown_task_is_named(self, bert):
        with pytest.raises(ValueError, match="'nope'.*mood, stars"):
            bert(**inputs_for("mood"), task="nope")

    def test_labels_want_a_task(self, bert):
        with pytest.raises(ValueError, match="labels.*task"):
            bert(**inputs_for("mood"), labels=labels_for("mood"))


class TestPooling:
    def test_the_mean_is_over_real_tokens(self, model):
        output = model(**inputs_for("mood"))
        for row, length in enumerate((5, 3, 7)):
            mean = output.last_hidden_state[row, :length].mean(0)
            torch.testing.assert_close(output.embeddings[row], mean)

    def test_more_padding_changes_nothing(self, model):
        batch = toy_batch([5, 3], seed=1)
        longer = {
            "input_ids": nn.functional.pad(batch["input_ids"], (0, 6), value=1),
            "attention_mask": nn.functional.pad(batch["attention_mask"], (0, 6)),
        }
        torch.testing.assert_close(
            model(**longer).embeddings, model(**batch).embeddings, atol=1e-5, rtol=1e-4
        )

    def test_a_mask_of_zeros_gives_finite_vectors(self, model):
        ids = toy_batch([4])["input_ids"]
        assert model(ids, torch.zeros_like(ids)).embeddings.isfinite().all()

    @every_backbone
    def test_cls_is_the_first_token(self, kind):
        output = toy_model(kind, pooling="cls")(**inputs_for("mood"))
        assert torch.equal(output.embeddings, output.last_hidden_state[:, 0])

    @pytest.mark.parametrize("kind", ["bert", "roberta"])
    def test_the_pooler_is_the_backbones_own(self, kind):
        model = toy_model(kind, pooling="pooler")
        output = model(**inputs_for("mood"), task="mood", labels=labels_for("mood"))
        pooler = model.backbone.pooler
        torch.testing.assert_close(
            output.embeddings, torch.tanh(pooler.dense(output.last_hidden_state[:, 0]))
        )
        output.loss.backward()
        assert pooler.dense.weight.grad.abs().sum() > 0

    @pytest.mark.parametrize("kind", ["distilbert", "modernbert"])
    def test_a_backbone_without_a_pooler_is_refused(self, kind):
        with pytest.raises(ValueError, match=f"pooler.*{kind}.*'mean' or 'cls'"):
            toy_model(kind, pooling="pooler")

    @pytest.mark.parametrize("pooling", ["mean", "cls"])
    @every_backbone
    def test_an_unused_pooler_has_no_parameters(self, kind, pooling, tmp_path):
        model = toy_model(kind, pooling=pooling)
        model.save_pretrained(tmp_path)
        for candidate in (model, HybridMTLModel.from_pretrained(tmp_path)):
            assert not [n for n, _ in candidate.named_parameters() if "pooler" in n]

    def test_pooled_dropout_acts_on_the_sentence_vector_in_training_only(self):
        model = toy_model(tasks=without_dropout(MOOD), pooled_dropout=0.5)
        for module in model.backbone.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        inputs = inputs_for("mood")
        still, moving = model(**inputs).embeddings, model.train()(**inputs).embeddings
        dropped = moving == 0
        assert dropped.any()
        torch.testing.assert_close(moving[~dropped], 2 * still[~dropped])


class TestFromBackbone:
    @pytest.mark.parametrize(
        "auto", [AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification]
    )
    @every_backbone
    def test_the_encoders_weights_are_loaded(self, kind, auto, tmp_path):
        # Pretrained encoders on the Hub are mostly saved with a language model head on top, under
        # names such as `bert.` and `roberta.`.
        encoder = auto.from_config(toy_backbone_config(kind))
        encoder.save_pretrained(tmp_path / "encoder")
        model = HybridMTLModel.from_backbone(tmp_path / "encoder", TASKS)
        expected = (encoder if auto is AutoModel else encoder.base_model).state_dict()
        loaded = model.backbone.state_dict()
        assert loaded.keys() == {name for name in expected if "pooler" not in name}
        for name, value in loaded.items():
            assert torch.equal(value, expected[name]), name
        model.save_pretrained(tmp_path / "model")
        again = HybridMTLModel.from_pretrained(tmp_path / "model").state_dict()
        assert again.keys() == model.state_dict().keys()
        for name, value in model.state_dict().items():
            assert torch.equal(value, again[name]), name

    @pytest.mark.parametrize("kind", ["bert", "roberta"])
    def test_a_pooler_in_use_is_loaded(self, kind, tmp_path):
        encoder = AutoModel.from_config(toy_backbone_config(kind))
        encoder.save_pretrained(tmp_path)
        model = HybridMTLModel.from_backbone(tmp_path, MOOD, pooling="pooler")
        assert torch.equal(model.backbone.pooler.dense.weight, encoder.pooler.dense.weight)

    @every_backbone
    def test_heads_start_from_the_backbones_initializer_range(self, kind, tmp_path):
        config = toy_backbone_config(kind, initializer_range=0.3)
        AutoModel.from_config(config).save_pretrained(tmp_path)
        wide = {"mood": {"kind": "classification", "labels": ["a", "b"], "hidden_sizes": [256]}}
        fresh = HybridMTLModel(HybridMTLConfig(config, wide))
        for model in (HybridMTLModel.from_backbone(tmp_path, wide), fresh):
            linear = next(m for m in model.heads.modules() if isinstance(m, nn.Linear))
            assert linear.weight.std().item() == pytest.approx(0.3, rel=0.1)
            assert linear.weight.mean().item() == pytest.approx(0, abs=0.03)
            assert (linear.bias == 0).all()

    @every_backbone
    def test_the_backbones_dropout_is_set_everywhere(self, kind, tmp_path):
        AutoModel.from_config(toy_backbone_config(kind)).save_pretrained(tmp_path)
        model = HybridMTLModel.from_backbone(tmp_path, MOOD, backbone_dropout=0.37)
        assert set(encoder_dropouts(model)) == {0.37}
        inputs = inputs_for("mood")
        assert not torch.equal(model.train()(**inputs)[0], model(**inputs)[0])
        still = HybridMTLModel.from_backbone(tmp_path, MOOD, backbone_dropout=0.0)
        assert torch.equal(still.train()(**inputs)[0], still.eval()(**inputs)[0])

    def test_dropout_left_out_keeps_the_encoders_own(self, tmp_path):
        config = toy_backbone_config(hidden_dropout_prob=0.21, attention_probs_dropout_prob=0.21)
        AutoModel.from_config(config).save_pretrained(tmp_path)
        assert set(encoder_dropouts(HybridMTLModel.from_backbone(tmp_path, MOOD))) == {0.21}

    def test_options_reach_the_configuration(self, tmp_path):
        AutoModel.from_config(toy_backbone_config()).save_pretrained(tmp_path)
        model = HybridMTLModel.from_backbone(
            tmp_path,
            MOOD,
            pooling="cls",
            pooled_dropout=0.3,
            attn_implementation="eager",
            dtype=torch.bfloat16,
            local_files_only=True,
        )
        assert (model.config.pooling, model.config.pooled_dropout) == ("cls", 0.3)
        assert model.backbone.config._attn_implementation == "eager"
        assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
        assert model.name_or_path == model.config.name_or_path == str(tmp_path)

    def test_a_wrong_task_is_refused(self, tmp_path):
        AutoModel.from_config(toy_backbone_config()).save_pretrained(tmp_path)
        with pytest.raises(ValueError, match="'mood'.*'labels'"):
            HybridMTLModel.from_backbone(tmp_path, {"mood": {"kind": "classification"}})

    def test_an_encoder_without_dropout_is_refused(self):
        with pytest.raises(ValueError, match="no dropout"):
            set_encoder_dropout(PretrainedConfig(), 0.1)


class TestLoading:
    @pytest.fixture
    def folder(self, model, tmp_path):
        model.save_pretrained(tmp_path)
        return tmp_path

    @staticmethod
    def logits(model: HybridMTLModel) -> dict[str, torch.Tensor]:
        return {task: model(**inputs_for(task), task=task).logits for task in TASKS}

    @pytest.mark.parametrize("attention", ["eager", "sdpa"])
    def test_the_attention_implementation_reaches_the_backbone(self, model, folder, attention):
        loaded = HybridMTLModel.from_pretrained(folder, attn_implementation=attention)
        packs = attention == "sdpa"
        found = loaded.backbone.config._attn_implementation
        assert found == (unpadding_hybrid_mtl.ATTENTION if packs else attention)
        assert loaded.config._attn_implementation == attention
        ours, theirs = self.logits(loaded), self.logits(model)
        tags = inputs_for("tags")["attention_mask"].bool()  # what stands for padding is no answer
        for logits in (ours, theirs):
            logits["tags"] = logits["tags"][tags]
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)

    def test_bfloat16_loads_and_runs(self, model, folder):
        loaded = HybridMTLModel.from_pretrained(folder, dtype=torch.bfloat16)
        assert {p.dtype for p in loaded.parameters()} == {torch.bfloat16}
        for task in TASKS:
            output = loaded(**inputs_for(task), task=task, labels=labels_for(task))
            assert output.loss.isfinite()
        embeddings = loaded(**inputs_for("mood")).embeddings
        assert embeddings.dtype == torch.bfloat16
        reference = model(**inputs_for("mood")).embeddings
        assert torch.cosine_similarity(embeddings.float(), reference).min() > 0.99

    def test_a_saved_bfloat16_model_stays_so(self, model, tmp_path):
        HybridMTLModel(model.config).bfloat16().save_pretrained(tmp_path)
        loaded = AutoModel.from_pretrained(tmp_path)
        assert {p.dtype for p in loaded.parameters()} == {torch.bfloat16}

    @pytest.mark.parametrize("device_map", ["cpu", "auto", {"": "cpu"}])
    def test_a_device_map_gives_equal_logits(self, folder, device_map):
        if device_map == "auto" and torch.cuda.is_available():
            pytest.skip("'auto' chooses another device here")
        loaded = HybridMTLModel.from_pretrained(folder, device_map=device_map)
        assert {p.device.type for p in loaded.parameters()} == {"cpu"}
        # Loaded as well: weights in a mapped file lie at other addresses, and so round otherwise.
        expected = self.logits(HybridMTLModel.from_pretrained(folder))
        for task, logits in self.logits(loaded).items():
            assert torch.equal(logits, expected[task])

    def test_a_loaded_model_is_in_evaluation_mode(self, folder):
        assert not HybridMTLModel.from_pretrained(folder).training

    def test_a_resized_vocabulary_is_saved_and_loaded(self, tmp_path):
        model = toy_model("bert").eval()
        model.resize_token_embeddings(VOCABULARY_SIZE + 7)
        assert model.config.backbone_config.vocab_size == VOCABULARY_SIZE + 7
        model.save_pretrained(tmp_path)
        again = HybridMTLModel.from_pretrained(tmp_path)
        ids = torch.tensor([[0, VOCABULARY_SIZE + 6, 2]])
        torch.testing.assert_close(again(ids, task="mood").logits, model(ids, task="mood").logits)

    @every_backbone
    def test_gradient_checkpointing_changes_no_gradient(self, kind):
        gradients = []
        for checkpointing in (False, True):
            backbone = toy_backbone_config(kind)
            set_encoder_dropout(backbone, 0.0)
            set_seed(0)
            model = HybridMTLModel(HybridMTLConfig(backbone, without_dropout(TASKS))).train()
            if checkpointing:
                model.activation_checkpointing_enable()
                assert model.backbone.is_activation_checkpointing
            model(**inputs_for("same"), task="same", labels=labels_for("same")).loss.backward()
            gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
        plain, checkpointed = gradients
        assert any(name.startswith("backbone.") for name in plain)
        torch.testing.assert_close(checkpointed, plain)
