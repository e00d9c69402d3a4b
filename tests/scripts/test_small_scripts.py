"""The scripts beside run_mtl.py say what is wrong in one line."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
WRONG = [
    (["ask.py", "/nowhere"], "ask.py: cannot load a model from '/nowhere': "),
    (["ask.py", ".", "--extensions", "gone.py"], "ask.py: cannot load a model from '.': extens"),
    (["make_model_card.py", "/nowhere", "x"], "make_model_card.py: there is no folder '/nowh"),
    (["make_model_card.py", ".", "x"], "make_model_card.py: '.' has no card_facts.json"),
    (
        ["make_model_card.py", ".", "x", "--extensions", "gone.py"],
        "make_model_card.py: extensions: there is no file 'gone.py'",
    ),
]


@pytest.mark.parametrize("arguments, message", WRONG)
def test_wrong_arguments_give_one_message(monkeypatch, tmp_path, arguments, message):
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPTS / arguments[0]), run_name="__main__")
    # Which Python prints, and ends with status 1.
    assert isinstance(ended.value.code, str) and ended.value.code.startswith(message)


@pytest.mark.parametrize("script", ["ask.py", "make_model_card.py"])
def test_missing_arguments_print_the_usage(monkeypatch, capsys, script):
    monkeypatch.setattr(sys, "argv", [script])
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(str(SCRIPTS / script), run_name="__main__")
    assert f"usage: {script}" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("arguments, message", [WRONG[0], WRONG[2]])
def test_a_process_of_its_own_gives_the_same_message(arguments, message):
    command = [sys.executable, str(SCRIPTS / arguments[0]), *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, env={"HF_HUB_OFFLINE": "1"})
    assert done.returncode == 1
    assert message in done.stderr and "Traceback" not in done.stderr
