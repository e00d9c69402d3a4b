"""Completion in a shell, as argcomplete asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.cli import completion

pytest.importorskip("argcomplete", reason="the extra 'completion' is not installed")


def completed(line, tmp_path):
    """Return what is offered at the end of a command line."""
    out = tmp_path / "offered"
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(out),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "trainer"]
    subprocess.run(command, env=environment, check=True, timeout=60, cwd=tmp_path)
    return out.read_text().split()


@pytest.mark.parametrize(
    "line, offered",
    [
        ("hybrid-mtl pr", {"predict", "preview-augmentation"}),
        ("hybrid-mtl train de", {"demo"}),
        ("hybrid-mtl train demo --learning", {"--learning_rate"}),
        ("hybrid-mtl search gr", {"grid", "growth"}),
        ("hybrid-mtl config paper", {"paper", "paper_minilm"}),
        ("hybrid-mtl serve runs/demo --max_b", {"--max_body"}),
    ],
)
def test_commands_options_and_configurations_are_offered(tmp_path, line, offered):
    assert set(completed(line, tmp_path)) == offered


@pytest.mark.parametrize("shell", completion.PLACES)
def test_a_shell_gets_its_script(shell, capsys):
    assert completion.main([shell]) == 0
    assert "hybrid-mtl" in capsys.readouterr().out


def test_without_argcomplete_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    assert completion.main(["bash"]) == 2
    assert "pip install 'hybrid-mtl[completion]'" in capsys.readouterr().err
    completion.complete()  # does nothing
