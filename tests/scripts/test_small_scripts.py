"""The scripts beside run_mtl.py say what is wrong in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["ask.py", "/nowhere"], "ask.py: cannot load a model from '/nowhere': "),
        (["ask.py"], "usage: ask.py FOLDER_OR_REPOSITORY"),
        (["make_model_card.py", "/nowhere", "x"], "make_model_card.py: there is no folder '/nowh"),
        (["make_model_card.py", ".", "x"], "make_model_card.py: '.' has no card_facts.json"),
        (["make_model_card.py"], "usage: make_model_card.py FOLDER NAME"),
    ],
)
def test_wrong_arguments_give_one_message(arguments, message):
    command = [sys.executable, str(SCRIPTS / arguments[0]), *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, env={"HF_HUB_OFFLINE": "1"})
    assert done.returncode == 1
    assert message in done.stderr and "Traceback" not in done.stderr
