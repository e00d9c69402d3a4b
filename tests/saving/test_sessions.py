"""What training took is recorded as it goes, and adds up when it is resumed."""

import json

from tests.toys import toy_trainer, whole_and_resumed
from trainer.saving.sessions import Session, processor_name, total_seconds


def test_a_run_is_one_session(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=4)
    assert trainer.sessions == []
    trainer.train()
    (session,) = trainer.sessions
    assert (session.device, session.processes) == ("cpu", 1)
    assert (session.first_step, session.last_step) == (0, 4)
    assert session.seconds > 0 and session.hardware == processor_name()


def test_a_resumed_run_has_the_sessions_before_it(tmp_path):
    whole, again = whole_and_resumed(tmp_path)
    first, second = again.sessions
    assert (first.first_step, first.last_step) == (0, 6)
    assert (second.first_step, second.last_step) == (6, whole.state.global_step)
    assert total_seconds(again.sessions) == first.seconds + second.seconds
    assert 0 < first.seconds <= whole.sessions[0].seconds


def test_callbacks_that_are_restored_with_a_checkpoint_record_too(tmp_path):
    _, again = whole_and_resumed(tmp_path, restore_callback_states_from_checkpoint=True)
    assert [session.first_step for session in again.sessions] == [0, 6]


def test_a_checkpoint_without_a_record_leaves_a_gap(tmp_path):
    options = {"save_strategy": "steps", "save_steps": 3, "max_steps": 6}
    toy_trainer(tmp_path, **options).train()
    state = tmp_path / "checkpoint-3" / "trainer_state.json"
    content = json.loads(state.read_text())
    assert Session(
        **content["stateful_callbacks"].pop("SessionRecorder")["attributes"]["earlier"][0]
    )
    state.write_text(json.dumps(content))
    again = toy_trainer(tmp_path, **options)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert [session.first_step for session in again.sessions] == [3]


def test_training_anew_begins_the_record_anew(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=2)
    trainer.train()
    trainer.train()
    assert len(trainer.sessions) == 1
