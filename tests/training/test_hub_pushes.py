"""What a trainer pushes while it trains, and when it is told to."""

import threading

import pytest
import torch
from safetensors.torch import load
from transformers import AutoModel, AutoTokenizer, TrainerCallback

from tests.hub.folders import CODE
from tests.toys import toy_model, toy_trainer
from trainer.errors import InputError
from trainer.hub import push as pushing

CHECKPOINT = CODE | {
    "README.md",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(pushing, "RETRY_DELAYS", (0, 0, 0))
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)


def pushing_trainer(folder, **options):
    steps = {"save_strategy": "steps", "save_steps": 2, "max_steps": 4}
    hub = {"push_to_hub": True, "hub_model_id": "me/run", "hub_always_push": True}
    return toy_trainer(folder, **{**steps, **hub, **options})


def pulled(hub, revision, folder, inside=""):
    """A revision of the run's repository as a folder."""
    for name, content in hub.files("me/run", revision).items():
        if name.startswith(inside):
            path = folder / name.removeprefix(inside)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return str(folder)


def titles(hub):
    return [commit.title for commit in reversed(hub.history("me/run"))]


def own_files(hub, revision="main"):
    return set(hub.files("me/run", revision)) - {".gitattributes"}


def test_every_save_is_a_complete_model(hub, me, tmp_path):
    trainer = pushing_trainer(tmp_path / "out")
    trainer.train()
    expected = [f"Training in progress, step {step}" for step in (2, 4)]
    assert titles(hub) == ["initial commit", *expected]
    for step, commit in zip((4, 2), hub.history("me/run"), strict=False):
        assert own_files(hub, commit.oid) == CHECKPOINT
        folder = pulled(hub, commit.oid, tmp_path / f"pulled-{step}")
        model = AutoModel.from_pretrained(folder, trust_remote_code=True)
        AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
        there = (tmp_path / "out" / f"checkpoint-{step}" / "model.safetensors").read_bytes()
        for name, weight in load(there).items():
            assert torch.equal(model.state_dict()[name], weight)
    assert f"after {4} optimizer steps" in hub.files("me/run")["README.md"].decode()


def test_nothing_is_left_in_the_output_folder(hub, me, tmp_path):
    pushing_trainer(tmp_path / "out").train()
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {"checkpoint-2", "checkpoint-4"}


@pytest.mark.parametrize(
    "strategy, places",
    [("checkpoint", ["last-checkpoint"]), ("all_checkpoints", ["checkpoint-2", "checkpoint-4"])],
)
def test_checkpoints_have_folders_of_their_own(hub, me, tmp_path, strategy, places):
    pushing_trainer(tmp_path / "out", hub_strategy=strategy).train()
    inside = {f"{place}/{name}" for place in places for name in CHECKPOINT}
    assert own_files(hub) == CHECKPOINT | inside
    folder = pulled(hub, "main", tmp_path / "pulled", f"{places[-1]}/")
    AutoModel.from_pretrained(folder, trust_remote_code=True)


def test_at_the_end_only(hub, me, tmp_path):
    trainer = pushing_trainer(tmp_path / "out", hub_strategy="end")
    trainer.train()
    assert titles(hub) == ["initial commit"]
    assert trainer.push_to_hub().startswith(f"{hub.url}/me/run/commit/")
    assert titles(hub) == ["initial commit", "End of training"]
    assert own_files(hub) == CHECKPOINT


def test_a_rotated_checkpoint_is_pushed_all_the_same(hub, me, tmp_path):
    begun = threading.Event()

    class WaitForRotation(TrainerCallback):
        def on_train_end(self, args, state, control, **rest):
            begun.set()

    trainer = pushing_trainer(tmp_path / "out", save_total_limit=1, callbacks=[WaitForRotation()])
    hub.before_answering = lambda line: "commit" not in line or begun.wait(20)
    trainer.train()
    assert not (tmp_path / "out" / "checkpoint-2").exists()
    assert titles(hub)[1:] == [f"Training in progress, step {step}" for step in (2, 4)]


def test_a_push_is_left_out_while_another_runs(hub, me, tmp_path):
    ended = threading.Event()

    class TellEnd(TrainerCallback):
        def on_train_end(self, args, state, control, **rest):
            ended.set()

    trainer = pushing_trainer(tmp_path / "out", hub_always_push=False, callbacks=[TellEnd()])
    hub.before_answering = lambda line: ended.wait(20)
    trainer.train()
    assert titles(hub) == ["initial commit", "Training in progress, step 2"]


def test_a_push_that_fails_does_not_end_the_training(hub, me, tmp_path, caplog):
    trainer = pushing_trainer(tmp_path / "out")
    hub.fail("POST", "/commit/", status=503, times=4)
    trainer.train()
    assert trainer.state.global_step == 4
    assert "A push to me/run failed: the Hub refused with status 503" in caplog.text
    assert titles(hub) == ["initial commit", "Training in progress, step 4"]


def test_a_run_is_refused_before_it_starts(hub, tmp_path):
    with pytest.raises(InputError, match="there is no Hub token"):
        pushing_trainer(tmp_path / "out")


def test_a_trainer_without_the_option_pushes_on_request(hub, me, tmp_path):
    trainer = toy_trainer(tmp_path / "mine", max_steps=1)
    trainer.train()
    assert trainer.push_to_hub("by hand", private=True)
    assert hub.repo("me/mine").private
    assert hub.history("me/mine")[0].title == "by hand"
    with pytest.raises(InputError, match="unknown arguments tags"):
        trainer.push_to_hub(tags=["x"])


def test_saving_by_hand_publishes(hub, me, tmp_path):
    trainer = pushing_trainer(tmp_path / "out", save_strategy="no", max_steps=1)
    trainer.train()
    trainer.save_model(str(tmp_path / "out"))
    assert titles(hub) == ["initial commit", "Model save"]
    assert own_files(hub) == CHECKPOINT


def test_the_model_alone_is_pushed_with_its_code(hub, me, tmp_path):
    model = toy_model()
    model.push_to_hub("me/alone", private=True)
    assert hub.repo("me/alone").private
    folder = tmp_path / "alone"
    folder.mkdir()
    for name, content in hub.files("me/alone").items():
        (folder / name).write_bytes(content)
    again = AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert {name for name in CHECKPOINT if name.endswith(".py")} <= set(hub.files("me/alone"))
    for name, weight in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)
