import pytest
import torch
from torch import nn

from modeling_hybrid_mtl import (
    HybridMTLModel,
    HybridMTLOutput,
)
from tests.modeling.toy_models import (
    BACKBONES,
    CROSS,
    SIAMESE,
    SINGLE,
    TASKS,
    counted_calls,
    inputs_for,
    labeled_batches,
    labels_for,
    toy_batch,
    toy_model,
    with_adapters,
    without_dropout,
)

close = {"rtol": 1e-4, "atol": 1e-5}

every_backbone = pytest.mark.parametrize("kind", BACKBONES)
MOOD = {"mood": TASKS["mood"]}


@pytest.fixture(scope="module", params=BACKBONES)
def model(request) -> HybridMTLModel:
    """One model of each backbone; the tests that take it leave it as it is."""
    return toy_model(request.param)


@pytest.fixture(scope="module")
def bert() -> HybridMTLModel:
    return toy_model()


class TestForward:
    @pytest.mark.parametrize("task", TASKS)
    def test_every_task_answers_and_learns(self, model, task):
        output = model(**inputs_for(task), task=task, labels=labels_for(task))
        classes = (3, len(TASKS[task].get("labels", ())))
        shapes = {
            "classification": classes,
            "multi_label": classes,
            "ordinal": classes,
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


class TestForwardTasks:
    def test_each_gets_what_it_would_get_alone(self):
        model = toy_model()
        together = model.forward_tasks(labeled_batches())
        assert list(together) == list(TASKS)
        for task, batch in labeled_batches().items():
            alone = model(**batch, task=task)
            for field, value in alone.items():
                torch.testing.assert_close(together[task][field], value, **close)

    def test_one_pass_is_enough(self):
        model = toy_model()
        with counted_calls(model) as calls:
            model.forward_tasks(labeled_batches())
        assert len(calls) == 1 and calls[0][0] == 1

    def test_token_types_of_some_tasks_are_kept(self):
        model, batches = toy_model(), labeled_batches()
        types = torch.tensor([0, 0, 1, 1, 1, 0, 0]).expand(3, 7)
        batches["follows"]["token_type_ids"] = types
        together = model.forward_tasks(batches)
        for task in ("follows", "overlap"):
            alone = model(**batches[task], task=task)
            torch.testing.assert_close(together[task].logits, alone.logits, **close)

    def test_adapters_take_passes_of_their_own(self):
        model = with_adapters(toy_model(), "mood", "same")
        with counted_calls(model) as calls:
            together = model.forward_tasks(labeled_batches())
        assert len(calls) == 3
        for task, batch in labeled_batches().items():
            alone = model(**batch, task=task)
            torch.testing.assert_close(together[task].logits, alone.logits, **close)

    def test_an_encoder_that_cannot_unpad_runs_them_one_by_one(self):
        model = toy_model("albert")
        with counted_calls(model) as calls:
            together = model.forward_tasks(labeled_batches())
        assert len(calls) == len(TASKS)
        alone = model(**labeled_batches()["near"], task="near")
        assert torch.equal(together["near"].logits, alone.logits)

    def test_a_wrong_call_is_refused(self):
        batches = labeled_batches()
        del batches["near"]["pair_input_ids"]
        with pytest.raises(ValueError, match="task 'near' is siamese"):
            toy_model().forward_tasks(batches)
