"""scripts/app.py refuses what it cannot do, in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

SCRIPT = Path(__file__).parents[2] / "scripts/app.py"


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "required: FOLDER_OR_REPOSITORY"),
        (["x", "--max_rows", "1"], "--max_rows: must be 2 or more"),
        (["x", "--feedback_public"], "--feedback_public needs a --feedback_repo"),
        (["x", "--log_texts"], "--log_texts needs a --log"),
        (["x", "--space", "y", "--log", "z"], "--space: a Space keeps no log"),
        (["x", "--no_feedback", "--feedback", "y"], "--no_feedback goes with no other"),
        (["x", "--space", "y", "--port", "1"], "--space: a Space keeps feedback with"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_model_that_is_not_there_gives_one_message(tmp_path):
    for more in ([], ["--space", str(tmp_path / "space")]):
        done = run(str(tmp_path / "nothing"), *more)
        assert done.returncode == 2
        assert "app.py: " in done.stderr and "nothing'" in done.stderr
        assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
