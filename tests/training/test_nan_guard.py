import math
import re

import pytest
import torch
from transformers import TrainerCallback

from tests.toys import toy_tokenizer, toy_trainer
from trainer.optimization import parts_of
from trainer.training.nan_guard import MAX_SKIPS_IN_A_ROW, STEPS_BEHIND, NonFiniteError

HUGE = 1e30  # its square is infinite


def spoil(trainer, task="near", row=3):
    """Give one row a label whose loss is infinite; its text comes back."""
    rows = trainer.train_dataset.tasks[task]
    labels = list(rows["labels"])
    labels[row] = HUGE
    trainer.train_dataset.tasks[task] = rows.remove_columns("labels").add_column("labels", labels)
    return toy_tokenizer().decode(rows["input_ids"][row], skip_special_tokens=True)


class SpoilGradient(TrainerCallback):
    """From one step to another, a parameter's gradient is NaN."""

    def __init__(self, first, last):
        self.first, self.last = first, last
        self.steps = 0

    def on_train_begin(self, args, state, control, model, **_):
        weight = model.backbone.encoder.layer[0].output.dense.weight
        weight.register_hook(self._spoil)

    def on_step_begin(self, args, state, control, **_):
        self.steps = state.global_step + 1

    def _spoil(self, gradient):
        return gradient * math.nan if self.first <= self.steps <= self.last else gradient


RULES = [
    {},
    {"aggregator": "pcgrad"},
    {"aggregator": "aligned_mtl"},
    {"optimizer_layout": "per_task"},
    {"optimizer_layout": "overlapping", "aggregator": "gradvac"},
    {"step_every": "batch"},
    {"gradient_accumulation_steps": 2},
]


@pytest.mark.parametrize("options", RULES, ids=str)
def test_an_infinite_loss_stops_training_and_names_task_step_and_row(tmp_path, options):
    trainer = toy_trainer(tmp_path, **options)
    text = spoil(trainer)
    with pytest.raises(NonFiniteError) as caught:
        trainer.train()
    message = str(caught.value)
    assert message.startswith(f"step {trainer.state.global_step + 1}: the loss of task 'near' is ")
    assert f"because of 1 of its 4 rows: '{text}' | '" in message
    assert "--nan_policy skip" in message
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())


@pytest.mark.parametrize("options", RULES, ids=str)
def test_a_step_that_is_skipped_changes_nothing_and_is_counted(tmp_path, caplog, options):
    trainer = toy_trainer(tmp_path, nan_policy="skip", num_train_epochs=1, **options)
    spoil(trainer)
    trainer.train()
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())
    counts = [log.get("skipped_steps") for log in trainer.state.log_history if "loss" in log]
    assert counts[-1] == 1 and counts[0] is None
    assert "is skipped: the loss of task 'near' is inf because of 1 of its 4 rows" in caplog.text


class Weights(TrainerCallback):
    """The weights after each step."""

    def __init__(self):
        self.after = []

    def on_step_end(self, args, state, control, model, **_):
        self.after.append([p.detach().clone() for p in model.parameters()])

    def changed(self, step):
        pairs = zip(self.after[step - 2], self.after[step - 1], strict=True)
        return any(not torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("options", RULES[:5], ids=str)
def test_a_gradient_that_is_not_finite_is_left_out(tmp_path, caplog, options):
    weights = Weights()
    callbacks = [SpoilGradient(3, 4), weights]
    trainer = toy_trainer(tmp_path, nan_policy="skip", max_steps=6, callbacks=callbacks, **options)
    trainer.train()
    changes = [weights.changed(step) for step in (2, 3, 4, 5)]
    assert changes == [True, False, False, True]
    assert trainer.nan_guard.skipped == 2
    assert "step 3 is skipped: a gradient is not finite, the losses are: " in caplog.text
    assert "the gradient of task 'mood' is not because of 4 of its 4 rows: " in caplog.text


def test_a_model_that_diverged_ends_training_though_steps_are_skipped(tmp_path):
    trainer = toy_trainer(
        tmp_path, nan_policy="skip", num_train_epochs=9, callbacks=[SpoilGradient(2, 99)]
    )
    with pytest.raises(NonFiniteError, match=f"the {MAX_SKIPS_IN_A_ROW}th skipped step in a row"):
        trainer.train()
    assert trainer.state.global_step == MAX_SKIPS_IN_A_ROW


def test_weights_that_are_not_finite_are_named(tmp_path):
    trainer = toy_trainer(tmp_path)
    with torch.no_grad():
        trainer.model.backbone.encoder.layer[0].output.dense.bias[0] = math.nan
    with pytest.raises(NonFiniteError, match=r"weights are no longer finite \(1 tensors, first"):
        trainer.train()


def test_ignore_neither_stops_nor_skips(tmp_path):
    trainer = toy_trainer(
        tmp_path, nan_policy="ignore", max_steps=4, callbacks=[SpoilGradient(2, 2)]
    )
    trainer.train()
    assert not all(torch.isfinite(p).all() for p in trainer.model.parameters())


def test_looking_changes_nothing(tmp_path):
    policies = ("stop", "ignore")
    looked, unseen = (toy_trainer(tmp_path, nan_policy=name, max_steps=4) for name in policies)
    looked.train()
    unseen.train()
    for name, value in unseen.model.state_dict().items():
        assert torch.equal(looked.model.state_dict()[name], value), name


class SpoilOneTask(SpoilGradient):
    """A head's gradient is NaN in one step, for rows that say a certain word."""

    def on_train_begin(self, args, state, control, model, **_):
        self.word = None
        model.heads["mood"].register_full_backward_pre_hook(self._spoil_head)

    def _spoil_head(self, head, gradients):
        return tuple(self._spoil(g) if g is not None else None for g in gradients)


def test_the_task_whose_gradient_is_not_finite_is_named(tmp_path):
    trainer = toy_trainer(tmp_path, callbacks=[SpoilOneTask(2, 2)])
    with pytest.raises(NonFiniteError) as caught:
        trainer.train()
    message = str(caught.value)
    assert message.startswith("step 2: a gradient is not finite, the losses are: ")
    assert "the gradient of task 'mood' is not because of 4 of its 4 rows: '" in message
    assert "task 'same' is not" not in message and "task 'near' is not" not in message


def test_what_was_skipped_is_counted_on_after_a_resumption(tmp_path):
    options = {"nan_policy": "skip", "save_strategy": "steps", "save_steps": 4, "max_steps": 6}
    trainer = toy_trainer(tmp_path, callbacks=[SpoilGradient(2, 4)], **options)
    trainer.train()
    assert trainer.nan_guard.skipped == 3
    again = toy_trainer(tmp_path, **options)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert again.nan_guard.skipped == 3


class TestDecidedByTheDevice:
    """As on an accelerator: the optimizer leaves out steps, and the host hears of it later."""

    @staticmethod
    def trained(folder, on_device, callbacks=(), **options):
        weights = Weights()
        trainer = toy_trainer(
            folder,
            callbacks=[*callbacks, weights],
            optim="adamw_torch_fused",
            nan_policy="skip",
            **{"max_steps": 6, **options},
        )
        trainer.decide_on_device = on_device
        trainer.train()
        return trainer, weights

    # Aggregators that draw numbers or keep targets do so for a step that the device leaves out,
    # too.
    @pytest.mark.parametrize("options", [o for o in RULES if "gradvac" not in o.values()], ids=str)
    def test_the_same_steps_are_left_out(self, tmp_path, options):
        device, weights = self.trained(tmp_path, True, [SpoilGradient(3, 4)], **options)
        host, _ = self.trained(tmp_path, False, [SpoilGradient(3, 4)], **options)
        assert [weights.changed(step) for step in (2, 3, 4, 5)] == [True, False, False, True]
        assert device.nan_guard.skipped == host.nan_guard.skipped == 2
        for name, value in host.model.state_dict().items():
            torch.testing.assert_close(device.model.state_dict()[name], value, msg=name)

    def test_optimizers_are_free_of_the_last_verdict_afterwards(self, tmp_path):
        trainer, _ = self.trained(tmp_path, True, max_steps=3)
        for optimizer in parts_of(trainer._unwrapped_optimizer()):
            assert not {"found_inf", "grad_scale"} & set(vars(optimizer))

    def test_skipped_steps_are_logged_with_their_rows(self, tmp_path, caplog):
        trainer = toy_trainer(
            tmp_path, nan_policy="skip", logging_strategy="no", num_train_epochs=1
        )
        text = spoil(trainer)
        trainer.decide_on_device = True
        trainer.train()
        assert (
            "is skipped: the loss of task 'near' is inf because of 1 of its 4 rows" in caplog.text
        )
        assert f"'{text}' | '" in caplog.text and trainer.nan_guard.skipped == 1

    def test_the_host_stays_some_steps_behind(self, tmp_path):
        counts = []

        class Count(TrainerCallback):
            def on_step_end(self, *args, **_):
                counts.append(trainer.nan_guard.skipped)

        trainer = toy_trainer(
            tmp_path,
            nan_policy="skip",
            logging_strategy="no",
            max_steps=6,
            callbacks=[SpoilGradient(2, 2), Count()],
        )
        trainer.decide_on_device = True
        trainer.train()
        assert counts[: 3 + STEPS_BEHIND] == [0] * (1 + STEPS_BEHIND) + [1, 1]

    def test_nothing_is_trained_between_a_bad_step_and_the_end(self, tmp_path):
        weights = Weights()
        trainer = toy_trainer(tmp_path, callbacks=[weights], logging_strategy="no", data_seed=5)
        text = spoil(trainer)
        trainer.decide_on_device = True
        with pytest.raises(NonFiniteError) as caught:
            trainer.train()
        bad = int(re.match(r"step (\d+): the loss of task 'near' is inf", str(caught.value))[1])
        assert f"because of 1 of its 4 rows: '{text}' | '" in str(caught.value)
        changes = [weights.changed(step) for step in range(2, len(weights.after) + 1)]
        assert changes == [step < bad for step in range(2, len(weights.after) + 1)]
        assert len(weights.after) == bad + STEPS_BEHIND - 1

    def test_nothing_is_saved_after_a_bad_step(self, tmp_path):
        options = {"save_strategy": "steps", "save_steps": 3, "logging_strategy": "no"}
        trainer = toy_trainer(tmp_path, callbacks=[SpoilGradient(3, 3)], **options)
        trainer.decide_on_device = True
        with pytest.raises(NonFiniteError, match="^step 3: "):
            trainer.train()
        assert not list(tmp_path.glob("checkpoint-*"))

    def test_a_model_that_diverged_ends_training(self, tmp_path):
        trainer = toy_trainer(
            tmp_path, nan_policy="skip", num_train_epochs=9, callbacks=[SpoilGradient(2, 99)]
        )
        trainer.decide_on_device = True
        with pytest.raises(
            NonFiniteError, match=f"the {MAX_SKIPS_IN_A_ROW}th skipped step in a row"
        ):
            trainer.train()

    @pytest.mark.parametrize("optim", ["adamw_torch", "adafactor"])
    def test_optimizers_that_cannot_leave_to_the_host(self, tmp_path, optim):
        trainer = toy_trainer(
            tmp_path, nan_policy="skip", optim=optim, max_steps=5, callbacks=[SpoilGradient(3, 4)]
        )
        trainer.decide_on_device = True
        trainer.train()
        assert trainer.nan_guard.skipped == 2
        assert all(torch.isfinite(p).all() for p in trainer.model.parameters())
