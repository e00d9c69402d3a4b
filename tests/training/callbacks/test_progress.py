import io
import re
from contextlib import redirect_stderr, redirect_stdout

import pytest
from transformers.trainer_callback import ProgressCallback

from tests.toys import TASKS, toy_model, toy_trainer
from trainer.training.callbacks import progress
from trainer.training.callbacks.progress import TaskProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown_by(trainer, **options):
    """What training shows in a terminal: the bars, the rest."""
    bars, lines = Terminal(), io.StringIO()
    with redirect_stderr(bars), redirect_stdout(lines):
        trainer.train(**options)
    return bars.getvalue(), lines.getvalue()


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"step_every": "cycle"}, 4),
        ({"step_every": "batch"}, 12),
        # Six batches an epoch: the second step of each has two.
        ({"step_every": "batch", "task_sampling": "uniform", "gradient_accumulation_steps": 4}, 4),
        ({"step_every": "cycle", "gradient_accumulation_steps": 2, "num_train_epochs": 4}, 4),
    ],
)
def test_the_bar_shows_steps_time_and_each_tasks_loss(tmp_path, options, steps):
    options |= {"disable_tqdm": False, "logging_steps": 3}
    trainer = toy_trainer(tmp_path, cycles_per_epoch=2, **options)
    bars, lines = shown_by(trainer)
    last = bars.rstrip().split("\r")[-1]
    assert last.startswith("training 100%|") and f" {steps}/{steps} · " in last and " left" in last
    assert set(re.findall(r"(\w+) \d\.\d\d", last)) == set(TASKS)
    cycles = 2 * int(trainer.args.num_train_epochs)
    assert (f"({cycles} cycles)" in lines) == (cycles != steps)


def test_a_task_without_a_batch_keeps_its_loss_on_the_bar(tmp_path):
    trainer = toy_trainer(
        tmp_path, step_every="batch", max_steps=3, disable_tqdm=False, logging_steps=1
    )
    last = shown_by(trainer)[0].rstrip().split("\r")[-1]
    assert all(f"{task} " in last for task in TASKS)


def test_the_bar_shows_losses_alone(tmp_path):
    options = {"loss_weights": "uncertainty", "gradient_cosines": True}
    trainer = toy_trainer(tmp_path, max_steps=2, disable_tqdm=False, logging_steps=1, **options)
    last = shown_by(trainer)[0].rstrip().split("\r")[-1]
    assert re.findall(r"(\w+) \d\.\d\d", last) == list(TASKS)


def test_the_beginning_tells_steps_and_trained_parameters(tmp_path):
    sizes = {"mood": 24, "same": 32}
    model = toy_model({name: TASKS[name] for name in sizes})
    trainer = toy_trainer(tmp_path, model=model, sizes=sizes, max_steps=2, trainable="heads")
    lines = shown_by(trainer)[1]
    count = sum(p.numel() for p in model.parameters())
    heads = sum(p.numel() for p in model.heads.parameters())
    first = lines.splitlines()[0]
    assert first == f"training: 2 steps, {heads:,} of {count:,} parameters, written to {tmp_path}"


def test_a_table_follows_each_evaluation_and_no_mappings_are_printed(tmp_path):
    options = {"eval_strategy": "steps", "eval_steps": 2, "eval_on_start": True}
    trainer = toy_trainer(tmp_path, max_steps=4, **options)
    lines = shown_by(trainer)[1]
    assert "{" not in lines
    headings = [line for line in lines.splitlines() if line.startswith("evaluation")]
    assert [heading.split(",")[0] for heading in headings] == [
        "evaluation before training",
        "evaluation after step 2 of 4",
        "evaluation after step 4 of 4",
    ]
    for task in TASKS:
        rows = [line.split() for line in lines.splitlines() if line.startswith(task)]
        assert [len(row) for row in rows][0] == 3 and all(len(row) > 4 for row in rows[1:])
    final = next(e for e in trainer.state.log_history if e.get("step") == 4 and "eval_loss" in e)
    last = [line.split() for line in lines.splitlines() if line.startswith("mood")][-1]
    assert last[2] == f"{final['eval_mood_accuracy']:.4f}"


def test_the_bar_of_an_evaluation_has_a_name_and_goes_away(tmp_path):
    options = {"eval_strategy": "steps", "eval_steps": 2, "disable_tqdm": False}
    bars, _ = shown_by(toy_trainer(tmp_path, max_steps=2, **options))
    assert "evaluating" in bars
    assert "evaluating" not in bars.rstrip().split("\r")[-1]


def test_outside_a_terminal_lines_come_now_and_then_instead_of_bars(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)
    toy_trainer(tmp_path, max_steps=4, disable_tqdm=False, logging_steps=2).train()
    said = capsys.readouterr()
    assert said.err == ""
    lines = [line for line in said.out.splitlines() if line.startswith("training: step")]
    assert [line.split()[2] for line in lines] == ["2/4", "4/4"]
    assert all(f"{task} " in line for task in TASKS for line in lines)


def test_lines_are_no_more_frequent_than_a_person_reads(tmp_path, capsys):
    toy_trainer(tmp_path, max_steps=4, logging_steps=1).train()
    assert "training: step" not in capsys.readouterr().out


def test_a_resumed_run_says_from_where_and_its_bar_begins_there(tmp_path):
    options = {"save_strategy": "steps", "save_steps": 2, "max_steps": 4, "disable_tqdm": False}
    shown_by(toy_trainer(tmp_path, **options))
    checkpoint = str(tmp_path / "checkpoint-2")
    bars, lines = shown_by(toy_trainer(tmp_path, **options), resume_from_checkpoint=checkpoint)
    assert "resumed after step 2 of 4" in lines
    assert " 2/4 · " in bars.split("\r")[1] and " 4/4 · " in bars.rstrip().split("\r")[-1]


def test_with_log_level_error_nothing_is_shown(tmp_path):
    options = {"eval_strategy": "steps", "eval_steps": 2, "disable_tqdm": False}
    assert shown_by(toy_trainer(tmp_path, max_steps=2, log_level="error", **options)) == ("", "")


def test_only_the_first_process_shows_anything(tmp_path, capsys):
    trainer = toy_trainer(tmp_path, max_steps=2, eval_strategy="steps", eval_steps=1)
    trainer.state.is_world_process_zero = False
    shown, state = trainer.progress, trainer.state
    shown.on_train_begin(trainer.args, state, trainer.control, model=trainer.model)
    shown.on_log(trainer.args, state, trainer.control, logs={"loss": 1.0, "loss/mood": 1.0})
    shown.on_evaluate(trainer.args, state, trainer.control, {"eval_loss": 1, "eval_runtime": 1.0})
    assert capsys.readouterr().out == ""


def test_a_bar_of_the_caller_s_own_stays(tmp_path):
    class Own(ProgressCallback):
        pass

    callbacks = toy_trainer(tmp_path, callbacks=[Own()]).callback_handler.callbacks
    assert {type(c).__name__ for c in callbacks} >= {"Own", "TaskProgress"}
    assert type(callbacks[0]) is not ProgressCallback


@pytest.mark.parametrize(
    ("cycles", "steps", "accumulated", "after"),
    [
        (2, 2, 1, [0, 1, 2, 3, 4]),
        (2, 6, 1, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]),
        (2, 6, 3, [0, 1, 2, 3, 4]),
        (2, 6, 4, [0, 1, 2, 3, 4]),
        (3, 3, 2, [0, 2, 3, 5, 6]),
    ],
)
def test_cycles_are_counted_by_steps(cycles, steps, accumulated, after):
    bar = TaskProgress()
    bar.cycles, bar.scheduled, bar.accumulated = cycles, steps, accumulated
    assert [bar.cycles_after(steps) for steps in range(len(after))] == after
