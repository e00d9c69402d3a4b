"""Corrections are committed to a Hub dataset by huggingface_hub's own client."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import load_dataset

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

import trainer.app
from tests.app.hub_stub import HubStub, serve_hub

# Adds two corrections and exits, which commits them. The package's __init__, which imports torch
# and gradio, is bypassed to save time.
PROCESS = """
import sys, types
from pathlib import Path
sys.modules["app"] = types.ModuleType("app")
sys.modules["app"].__path__ = [sys.argv[3]]
from app.hub_feedback import hub_feedback
from app.errors import UserError

public = sys.argv[2] == "public"
try:
    feedback = hub_feedback(
        Path(sys.argv[1]), "me/feedback", ["mood", "near"], public, model="m", revision="r"
    )
except UserError as error:
    sys.exit(str(error))
print(feedback.storage)
feedback.add("mood", {"text": "a film", "label": "good", "prediction": "bad"})
feedback.add("mood", {"text": "ein schöner Film", "label": "good", "prediction": "bad"})
"""


def leave_feedback(folder: Path, address: str, readers: str = "private", **environment: str):
    package = Path(trainer.app.__file__).parent
    removed = ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE")
    clean = {name: value for name, value in os.environ.items() if name not in removed}
    return subprocess.run(
        [sys.executable, "-c", PROCESS, str(folder / "feedback"), readers, str(package)],
        env={
            **clean,
            "HF_ENDPOINT": address,
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
    )


def test_rows_are_committed_and_a_second_process_replaces_none(tmp_path):
    hub = HubStub()
    with serve_hub(hub) as address:
        for disk in ("one", "two"):
            (tmp_path / disk).mkdir()
            done = leave_feedback(tmp_path / disk, address, HF_TOKEN="hf_secret")
            assert done.returncode == 0, done.stderr[-2000:]
            assert "private dataset" in done.stdout
    assert {request["visibility"] for request in hub.created} == {"private"}
    assert {request["type"] for request in hub.created} == {"dataset"}
    assert hub.tokens == {"Bearer hf_secret"}
    names = [name for name in hub.files if name != "README.md"]
    assert len(names) == 2 and all(name.startswith("mood/train-") for name in names)
    assert sum(commit.count("README.md") for commit in hub.commits) == 1
    for name in names:
        rows = [json.loads(line) for line in hub.files[name].decode().splitlines()]
        assert [row["text"] for row in rows] == ["a film", "ein schöner Film"]
        assert "hf_secret" not in hub.files[name].decode()

    # The dataset is read as a task's source, with one configuration per task.
    for name, content in hub.files.items():
        (tmp_path / "pulled" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pulled" / name).write_bytes(content)
    rows = load_dataset(str(tmp_path / "pulled"), "mood", split="train", cache_dir=str(tmp_path))
    assert rows["label"][:] == ["good"] * 4


def test_refusals_of_the_hub_are_reported(tmp_path):
    with serve_hub(HubStub(private=False)) as address:
        done = leave_feedback(tmp_path, address, HF_TOKEN="hf_secret")
        assert done.returncode == 1 and "is public, and so would be the users" in done.stderr
        assert leave_feedback(tmp_path, address, "public", HF_TOKEN="x").returncode == 0
        done = leave_feedback(tmp_path, address, "public")
        assert done.returncode == 1 and "hf auth login" in done.stderr
        assert "Traceback" not in done.stderr
    done = leave_feedback(tmp_path, address, HF_TOKEN="hf_secret")
    assert done.returncode == 1 and "It requires a network" in done.stderr
