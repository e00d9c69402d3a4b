"""`--tasks NAME[,NAME ...]`: some of a configuration's tasks."""

import pytest
import yaml

from trainer.config.parser import parse
from trainer.config.task_selection import select_tasks, split_selection
from trainer.errors import InputError

CONFIG = {
    "output_dir": "out",
    "report_to": "none",
    "task_order": ["similarity", "sentiment", "paraphrase"],
    "tasks": {"sentiment": {"loss_weight": 2}, "paraphrase": None, "similarity": None},
    "phases": [
        {"name": "all"},
        {"name": "pair", "tasks": ["paraphrase", "sentiment"]},
        {"name": "last", "tasks": {"similarity": {"learning_rate": 1.0e-5}}},
    ],
}


@pytest.mark.parametrize(
    "arguments, names, others",
    [
        (["a.yaml", "--tasks", "x,y", "--seed", "1"], ["x", "y"], ["a.yaml", "--seed", "1"]),
        (["--tasks", "x", "y,", "z"], ["x", "y", "z"], []),
        (["--tasks=x, y", "--tasks.x.kind", "a"], ["x", "y"], ["--tasks.x.kind", "a"]),
        (["--task_order", "x"], None, ["--task_order", "x"]),
    ],
)
def test_the_option_is_split_from_the_others(arguments, names, others):
    assert split_selection(arguments) == (names, others)


def test_the_others_are_gone_from_lists_and_phases_and_that_is_said(capsys):
    selected = select_tasks(CONFIG, ["paraphrase", "sentiment"])
    assert list(selected["tasks"]) == ["sentiment", "paraphrase"]
    assert selected["tasks"]["sentiment"] == {"loss_weight": 2}
    assert selected["task_order"] == ["sentiment", "paraphrase"]
    assert [phase["name"] for phase in selected["phases"]] == ["all", "pair"]
    assert capsys.readouterr().out == "--tasks: task_order, phases without similarity\n"
    assert len(CONFIG["phases"]) == 3 and len(CONFIG["task_order"]) == 3


def test_the_tasks_that_give_texts_are_chosen_too():
    tasks = {"a": {}, "b": {}, "c": {"label_generator": "source", "source_tasks": ["a", "b"]}}
    assert select_tasks({"tasks": tasks}, ["a", "c"])["tasks"]["c"]["source_tasks"] == ["a"]


def test_a_run_has_the_chosen_tasks_only(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    settings = parse([str(path), "--tasks", "similarity", "--tasks.similarity.loss_weight", "3"])
    assert list(settings.tasks) == list(settings.resolved["tasks"]) == ["similarity"]
    assert settings.tasks["similarity"].model.loss_weight == 3
    assert [phase.tasks for phase in settings.phases] == [["similarity"]] * 2
    assert list(parse(["--tasks", "sentiment", "--output_dir", "x"]).tasks) == ["sentiment"]


def test_a_field_of_a_task_that_is_left_out_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no task 'similarity'"):
        parse(["--tasks", "sentiment", "--tasks.similarity.loss_weight", "3"])
