"""What is trained moves; all else stays as it is, to the bit."""

import copy

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from tests.toys import (
    TASKS,
    toy_backbone_config,
    toy_model,
    toy_rows,
    toy_tokenizer,
    toy_trainer,
    whole_and_resumed,
)
from trainer import HybridMTLTrainer
from trainer.errors import InputError
from trainer.optimization import learning_rates
from trainer.training.callbacks.freezing import check_lora_targets

TWO = {"mood": 24, "same": 32}
NEAR = {"sizes": {"near": 24}}
QUICK = {"max_steps": 3, "weight_decay": 0.1}
QUERY = "backbone.encoder.layer.1.attention.self.query.weight"


def weights_of(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def moved(model, before):
    """The names of the parameters that are not as they were, the new ones left out."""
    return {n for n, p in model.named_parameters() if n in before and not torch.equal(p, before[n])}


def answers(model, task):
    rows = toy_rows(task, 1, seed=5)[0]
    inputs = {k: torch.tensor([rows[k]]) for k in ("input_ids", "pair_input_ids") if k in rows}
    with torch.no_grad():
        return model.eval()(**inputs, task=task).logits


def names_of(trainer):
    trainer.create_optimizer()
    names = {id(p): n for n, p in trainer.model.named_parameters()}
    found: dict[str, set[str]] = {}
    for group in trainer.optimizer.param_groups:
        found.setdefault(group["name"], set()).update(names[id(p)] for p in group["params"])
    return found


class TestAll:
    def test_heads_of_other_tasks_have_no_group_and_do_not_decay(self, tmp_path):
        trainer = toy_trainer(tmp_path, sizes={"mood": 24}, **QUICK)
        assert set(names_of(trainer)) == {"shared", "mood"}
        before = weights_of(trainer.model)
        trainer.train()
        untouched = {n for n in before if n.startswith("heads.same.")}
        assert moved(trainer.model, before) == before.keys() - untouched
        assert all(p.requires_grad for p in trainer.model.parameters())

    @pytest.mark.parametrize("optimizer_layout", ["single", "per_task", "overlapping"])
    def test_the_same_in_every_layout(self, tmp_path, optimizer_layout):
        trainer = toy_trainer(
            tmp_path, sizes={"mood": 24, "near": 24}, optimizer_layout=optimizer_layout, **QUICK
        )
        before = weights_of(trainer.model)
        trainer.train()
        untouched = {n for n in before if n.startswith("heads.same.")}
        assert moved(trainer.model, before) == before.keys() - untouched

    def test_adapters_of_trained_tasks_move_with_the_encoder(self, tmp_path):
        model = toy_model()
        model.attach_task_adapters(["mood"], target_modules=["query"])
        trainer = toy_trainer(
            tmp_path, model=model, sizes={"mood": 24}, optimizer_layout="per_task", **QUICK
        )
        before = weights_of(model)
        trainer.train()
        assert moved(model, before) == {n for n in before if "same" not in n}

    @pytest.mark.parametrize("trainable", ["all", "lora"])
    def test_no_adapter_is_left_behind_by_its_encoder(self, tmp_path, trainable):
        model = toy_model()
        model.attach_task_adapters(["same"], target_modules=["query"])
        trainer = toy_trainer(
            tmp_path, model=model, sizes={"mood": 24}, trainable=trainable, **QUICK
        )
        message = (
            f"trainable = '{trainable}': would change the encoder of the adapter of task 'same'"
        )
        with pytest.raises(InputError, match=message):
            trainer.train()

    def test_a_run_that_breaks_off_freezes_nothing_for_the_next(self, tmp_path):
        model = toy_model()

        class Break(TrainerCallback):
            def on_step_begin(self, *args, **kwargs):
                raise KeyboardInterrupt

        broken = toy_trainer(
            tmp_path, model=model, sizes=TWO, trainable="heads", callbacks=[Break()], **QUICK
        )
        with pytest.raises(KeyboardInterrupt):
            broken.train()
        assert all(p.requires_grad for p in model.parameters())

    def test_learned_loss_weights_are_those_of_the_trained_tasks(self, tmp_path):
        trainer = toy_trainer(tmp_path, sizes=TWO, loss_weights="uncertainty", **QUICK)
        trainer.train()
        logged = {key for entry in trainer.state.log_history for key in entry}
        assert {k for k in logged if k.startswith("loss_weight/")} == {
            "loss_weight/mood",
            "loss_weight/same",
        }

    def test_what_was_frozen_before_stays_frozen(self, tmp_path):
        model = toy_model()
        model.backbone.embeddings.requires_grad_(False)
        toy_trainer(tmp_path, model=model, **QUICK).train()
        assert not any(p.requires_grad for p in model.backbone.embeddings.parameters())


class TestHeads:
    @pytest.mark.parametrize("optimizer_layout", ["siloed", "single"])
    def test_the_encoder_rests(self, tmp_path, optimizer_layout):
        trainer = toy_trainer(
            tmp_path, sizes=TWO, trainable="heads", optimizer_layout=optimizer_layout, **QUICK
        )
        before = weights_of(trainer.model)
        trainer.train()
        assert moved(trainer.model, before) == {n for n in before if n.startswith("heads.")}
        assert all(p.requires_grad for p in trainer.model.parameters())

    def test_adapters_rest_too(self, tmp_path):
        model = toy_model()
        model.attach_task_adapters(["mood"], target_modules=["query"])
        before = weights_of(model)
        toy_trainer(tmp_path, model=model, sizes={"mood": 24}, trainable="heads", **QUICK).train()
        assert moved(model, before) == {"heads.mood.layers.1.weight", "heads.mood.layers.1.bias"}

    def test_only_rates_of_heads_are_logged(self, tmp_path):
        trainer = toy_trainer(tmp_path, sizes=TWO, trainable="heads", **QUICK)
        assert set(learning_rates(trainer.create_optimizer())) == {"mood", "same"}

    def test_a_head_without_parameters_is_refused(self, tmp_path):
        trainer = toy_trainer(tmp_path, trainable="heads")
        with pytest.raises(InputError, match="trainable = 'heads': the head of task 'near' has no"):
            trainer.train()


class TestAdapters:
    @pytest.mark.parametrize("step_every", ["cycle", "batch"])
    def test_adapters_and_heads_move_and_the_encoder_rests(self, tmp_path, step_every):
        trainer = toy_trainer(tmp_path, trainable="adapters", step_every=step_every, max_steps=6)
        model = trainer.model
        before, plain = weights_of(model), copy.deepcopy(model)
        trainer.train()
        assert moved(model, before) == {n for n in before if n.startswith("heads.")}
        assert model.config.adapters.keys() == TASKS.keys()
        assert model.config.adapters["near"]["target_modules"] == ["query", "value"]
        b = {n: p for n, p in model.named_parameters() if ".lora_B." in n}
        assert len(b) == 3 * 2 * 2 and all(p.count_nonzero() for p in b.values())
        assert not torch.equal(answers(plain, "near"), answers(model, "near"))
        model.activate_adapters(None)
        ids = torch.tensor([[2, 8, 9, 3]])
        assert torch.equal(plain.encode_tokens(ids)[0], model.encode_tokens(ids)[0])

    def test_an_adapter_moves_at_the_encoder_s_rate_and_the_head_at_its_own(self, tmp_path):
        trainer = toy_trainer(
            tmp_path,
            trainable="adapters",
            learning_rate=1e-3,
            weight_decay=0.2,
            task_args={"mood": {"learning_rate": 1e-2, "weight_decay": 0.0}},
            lr_scheduler_type="constant",
            sizes={"mood": 24, "near": 24},
            max_steps=2,
        )
        groups = names_of(trainer)
        assert set(groups) == {"mood", "mood_adapter", "near", "near_adapter"}
        assert len(groups["mood_adapter"]) == 8 and groups["near"] == set()
        assert all(".mood.weight" in name for name in groups["mood_adapter"])
        decays = {
            g["name"]: g["weight_decay"] for g in trainer.optimizer.param_groups if g["params"]
        }
        assert decays == {"mood": 0.0, "mood_adapter": 0.2, "near_adapter": 0.2}
        trainer.train()
        logged = trainer.state.log_history[0]
        assert logged["learning_rate/mood_adapter"] == 1e-3
        assert logged["learning_rate/mood"] == 1e-2
        assert "learning_rate/shared" not in logged

    def test_each_adapter_is_trained_as_it_is_alone(self, tmp_path):
        """No step of one task reaches another: together is the same as one after the other."""
        options = {"trainable": "adapters", "max_grad_norm": 0, "lr_scheduler_type": "constant"}
        options |= {"length_window": 0, "max_steps": 5}
        together = toy_trainer(tmp_path, sizes={"same": 32, "near": 32}, **options)
        alone = toy_trainer(tmp_path, sizes={"same": 32}, **options)
        for trainer in (together, alone):
            # Drawn in another order in the two runs.
            trainer.trained_parts.prepare(trainer.model)
            for name, p in trainer.model.named_parameters():
                if ".lora_A.same" in name:
                    p.data.fill_(0.1)
            trainer.train()
        found = weights_of(together.model)
        for name, weight in weights_of(alone.model).items():
            if "same" in name:
                torch.testing.assert_close(found[name], weight, rtol=1e-4, atol=1e-6)

    def test_an_adapter_that_is_there_is_trained_on(self, tmp_path):
        model = toy_model()
        options = {"trainable": "adapters", **NEAR, "model": model, "max_steps": 2}
        toy_trainer(tmp_path, lora_rank=3, **options).train()
        before = weights_of(model)
        toy_trainer(tmp_path, **options).train()
        assert model.config.adapters["near"]["rank"] == 3
        assert moved(model, before) == {n for n in before if ".near." in n}

    def test_an_adapter_that_is_there_is_not_of_another_rank(self, tmp_path):
        model = toy_model()
        model.attach_task_adapters(["near"], rank=3, target_modules=["query"])
        trainer = toy_trainer(tmp_path, trainable="adapters", lora_rank=4, model=model, **NEAR)
        with pytest.raises(
            InputError, match="lora_rank = 4: the model's existing adapter 'near' has 3"
        ):
            trainer.train()

    def test_the_model_of_model_init_gets_them(self, tmp_path):
        args = toy_trainer(tmp_path, trainable="adapters", max_steps=2).args
        rows = {"near": toy_rows("near", 24)}
        trainer = HybridMTLTrainer(
            args=args,
            train_dataset=rows,
            model_init=lambda: toy_model(),
            processing_class=toy_tokenizer(),
        )
        for _ in range(2):
            trainer.train()
            assert list(trainer.model.config.adapters) == ["near"]
            assert trainer.model.get_parameter(QUERY.replace("weight", "lora_B.near.weight")).any()


class TestLora:
    def run(self, folder, **options):
        trainer = toy_trainer(folder, **{"trainable": "lora", "lora_rank": 2, **QUICK, **options})
        before = weights_of(trainer.model)
        trainer.train()
        return trainer, before

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"optimizer_layout": "single"},
            {"optimizer_layout": "overlapping"},
            {"optimizer_layout": "per_task", "loss_weights": "uncertainty"},
            {"aggregator": "pcgrad", "layer_decay": 0.9},
            {"step_every": "batch", "max_steps": 6},
            {"smart_weight": 1.0, "smart_radius": 0.1, "bregman_weight": 1.0},
            {"activation_checkpointing": True},
        ],
        ids=str,
    )
    def test_the_encoder_gets_a_change_of_the_rank(self, tmp_path, options):
        trainer, before = self.run(tmp_path, **options)
        found = weights_of(trainer.model)
        assert found.keys() == before.keys() and trainer.model.config.adapters == {}
        encoder = {n for n in moved(trainer.model, before) if not n.startswith("heads.")}
        assert encoder == {n for n in before if "query.weight" in n or "value.weight" in n}
        for name in encoder:
            # Three tasks' gradients would fill more than two dimensions.
            singular = torch.linalg.svdvals(found[name] - before[name])
            assert singular[1] > 1e-4 and singular[2] < 1e-5
        assert all(p.requires_grad for p in trainer.model.parameters())

    def test_other_layers_and_scale(self, tmp_path):
        small, _ = self.run(tmp_path, lora_alpha=1e-3, lora_targets=["key"])
        model = small.model
        moved_keys = moved(model, weights_of(toy_model()))
        assert {n for n in moved_keys if n.startswith("backbone.")} == {
            f"backbone.encoder.layer.{i}.attention.self.key.weight" for i in (0, 1)
        }

    def test_what_is_measured_in_training_is_what_is_left(self, tmp_path):
        trainer, _ = self.run(
            tmp_path, eval_strategy="steps", eval_steps=3, save_strategy="steps", save_steps=3
        )
        logged = next(e for e in trainer.state.log_history if "eval_loss" in e)
        assert trainer.evaluate()["eval_loss"] == pytest.approx(logged["eval_loss"], rel=1e-4)
        saved = load_file(tmp_path / "checkpoint-3" / "model.safetensors")
        assert any(".lora_A.shared." in key for key in saved)

    @pytest.mark.parametrize("ema", [None, 0.5])
    def test_the_best_checkpoint_is_what_is_folded(self, tmp_path, ema):
        trainer, before = self.run(
            tmp_path,
            max_steps=4,
            ema_decay=ema,
            eval_strategy="steps",
            eval_steps=1,
            save_strategy="steps",
            save_steps=1,
            load_best_model_at_end=True,
            metric_for_best_model="eval_loss",
            lr_scheduler_type="constant",
            learning_rate=0.05,
        )
        saved = load_file(f"{trainer.state.best_model_checkpoint}/model.safetensors")
        a, b = (saved[QUERY.replace("weight", f"lora_{x}.shared.weight")] for x in "AB")
        torch.testing.assert_close(
            trainer.model.get_parameter(QUERY).detach(), before[QUERY] + 16 / 2 * b @ a
        )

    def test_averages_of_the_additions_are_what_is_folded(self, tmp_path):
        trainer, before = self.run(
            tmp_path, ema_decay=0.5, max_steps=3, save_strategy="steps", save_steps=3
        )
        saved = load_file(tmp_path / "checkpoint-3" / "model.safetensors")
        a, b = (saved[QUERY.replace("weight", f"lora_{x}.shared.weight")] for x in "AB")
        torch.testing.assert_close(
            trainer.model.get_parameter(QUERY).detach(), before[QUERY] + 16 / 2 * b @ a
        )

    def test_one_trainer_may_train_twice(self, tmp_path):
        trainer, _ = self.run(tmp_path)
        before = weights_of(trainer.model)
        trainer.train()
        assert QUERY in moved(trainer.model, before)

    def test_dropout_is_of_the_additions(self, tmp_path):
        plain, _ = self.run(tmp_path)
        thinned, _ = self.run(tmp_path, lora_dropout=0.5)
        assert not torch.equal(plain.model.get_parameter(QUERY), thinned.model.get_parameter(QUERY))


@pytest.mark.parametrize(
    "options",
    [
        {"trainable": "adapters"},
        {"trainable": "adapters", "ema_decay": 0.9, "loss_weights": "uncertainty"},
        {"trainable": "lora", "optimizer_layout": "overlapping", "lora_dropout": 0.1},
        {"trainable": "lora", "ema_decay": 0.9, "bregman_weight": 1.0},
        {"trainable": "heads", "sizes": TWO},
    ],
    ids=str,
)
def test_resumed_equals_uninterrupted(tmp_path, options):
    whole, again = whole_and_resumed(tmp_path, **options)
    assert whole.state.global_step == again.state.global_step > 6
    found = weights_of(again.model)
    assert found.keys() == weights_of(whole.model).keys()
    for name, weight in weights_of(whole.model).items():
        assert torch.equal(weight, found[name]), name


def test_layers_that_are_not_there_are_named(tmp_path):
    trainer = toy_trainer(tmp_path, trainable="lora", lora_targets=["quary"])
    with pytest.raises(InputError, match="lora_targets: .*'quary' matches no layer"):
        check_lora_targets(trainer.args, trainer.model)
    with pytest.raises(InputError, match="lora_targets: .*'quary' matches no layer"):
        trainer.train()


def test_an_encoder_that_peft_has_no_default_for_asks_for_targets(tmp_path, monkeypatch):
    model = toy_model()
    monkeypatch.setattr(type(model.config.backbone_config), "model_type", "mybert")
    trainer = toy_trainer(tmp_path, trainable="lora", model=model)
    with pytest.raises(InputError, match="lora_targets: required, .* type mybert"):
        trainer.train()


class TestSharedLayers:
    """Layers between pooling and heads belong to the shared parameters."""

    @pytest.mark.parametrize(
        ("trainable", "trained"), [("all", True), ("lora", True), ("heads", False)]
    )
    def test_they_are_trained_with_the_encoder(self, tmp_path, trainable, trained):
        config = HybridMTLConfig(toy_backbone_config(), TASKS, shared_hidden_sizes=[8])
        options = {"trainable": trainable, "sizes": TWO, **QUICK}
        trainer = toy_trainer(tmp_path, model=HybridMTLModel(config), **options)
        before = weights_of(trainer.model)
        name = "shared_layers.1.weight"
        assert (name in names_of(trainer).get("shared", ())) == trained
        trainer.train()
        assert (name in moved(trainer.model, before)) == trained
