"""Questions to a model: given, piped, typed and recorded."""

import io
import json
import runpy
import sys

import pytest

from tests.modeling.toy_models import TASKS, toy_model, toy_tokenizer
from tests.scripts.test_small_scripts import SCRIPTS
from trainer.saving.model_folder import write_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked") / "model"
    tokenizer = toy_tokenizer()
    tokenizer.model_max_length = 32
    write_model(toy_model(), tokenizer, folder)
    return folder


@pytest.fixture
def ask(folder, monkeypatch, capsys):
    def run(*arguments, typed="", terminal=False):
        stdin = io.StringIO(typed)
        stdin.isatty = lambda: terminal
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "argv", ["ask.py", str(folder), *arguments])
        monkeypatch.setattr(sys, "path", list(sys.path))
        runpy.run_path(str(SCRIPTS / "ask.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_a_text_or_a_pair_gets_the_answers_of_all_tasks_that_fit(ask):
    lines = ask("a good film").splitlines()
    assert lines[0] == "a good film"
    answers = dict(line.split(maxsplit=1) for line in lines[1:])
    assert list(answers) == [name for name, task in TASKS.items() if "input" not in task]
    assert "good/" in answers["tags"]
    lines = ask("a good film", "a bad film").splitlines()
    assert lines[0] == "a good film | a bad film"
    names = [name for name, task in TASKS.items() if task.get("input") == "pair"]
    assert [line.split()[0] for line in lines[1:]] == names
    assert len({len(line) - len(line[2:].split(maxsplit=1)[1]) for line in lines[1:]}) == 1


def test_piped_lines_are_texts_or_pairs(ask):
    answers = list(map(json.loads, ask("--json", typed="good\ngood\tbad\n").splitlines()))
    assert answers[0]["text"] == "good" and set(answers[0]["predictions"]) >= {"mood", "tags"}
    assert answers[1]["text_pair"] == "bad" and "near" in answers[1]["predictions"]
    with pytest.raises(SystemExit, match="ask.py: text 2: 'text' must be a non-empty text"):
        ask(typed="good\n\n")


def test_a_terminal_prompts_for_texts_and_goes_on_after_an_error(ask):
    printed = ask(terminal=True, typed="good\n\ngood\n \n\ngood\nbad\n")
    assert printed.count("text> ") == 5 and printed.count("second text, or empty> ") == 3
    assert printed.count("  mood") == 1 and printed.count("  near") == 1
    assert printed.count("must be a non-empty text") == 1


def test_examples_are_those_beside_the_model(ask, folder):
    with pytest.raises(SystemExit, match="there are no examples beside .*, or give a text"):
        ask("--examples")
    rows = {"mood": [{"text": "good film"}], "near": [{"text": "a film", "text_pair": "a play"}]}
    (folder / "examples.json").write_text(json.dumps(rows))
    printed = ask("--examples")
    assert "good film\n  mood" in printed and "a film | a play\n  same" in printed


def test_other_arguments_give_the_usage(ask, capsys):
    for arguments in (["--json", "--fast"], ["a", "b", "c"], ["a", "--examples"]):
        with pytest.raises(SystemExit, match="2"):
            ask(*arguments)
        assert "usage: ask.py FOLDER_OR_REPOSITORY" in capsys.readouterr().err
