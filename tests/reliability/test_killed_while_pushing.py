"""A run that is killed while it pushes: the repository stays whole, and the run goes on."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load, load_file
from transformers import AutoModel

from tests.hub.elsewhere import environment
from tests.processes import finish
from tests.toy_runs import toy_run

SCRIPT = Path(__file__).parents[2] / "scripts" / "run_mtl.py"
REQUESTS = {
    "asking how to upload": "POST .*/preupload/",
    "uploading": "PUT ",
    "committing": "POST .*/commit/",
}


def start(config, hub, token, *options):
    folder = config.parent
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(config), *options],
        cwd=folder,
        env=environment(folder, hub.url, token),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("moment", REQUESTS)
def test_a_run_killed_while_pushing_goes_on_and_publishes(hub, me, tmp_path, moment):
    saves = {"save_strategy": "steps", "save_steps": 1, "num_train_epochs": 2, "seed": 5}
    pushes = {"push_to_hub": True, "hub_model_id": "me/run", "hub_always_push": True}
    config = toy_run(tmp_path, 14, 6, **saves, **pushes)
    finish(start(toy_run(tmp_path / "whole", 14, 6, **saves), hub, me))

    seen = []
    running = start(config, hub, me)

    def kill(line):
        if re.match(REQUESTS[moment], line):
            seen.append(line)
            if len(seen) == 2:  # there is something to spoil
                running.send_signal(signal.SIGKILL)

    hub.before_answering = kill
    running.communicate(timeout=240)
    assert running.returncode == -signal.SIGKILL
    hub.before_answering = lambda line: None
    for commit in hub.history("me/run")[:-1]:
        assert {"model.safetensors", "config.json"} <= set(hub.files("me/run", commit.oid))

    finish(start(config, hub, me, "--resume", "true"))
    output, expected = tmp_path / "out", load_file(tmp_path / "whole/out/model.safetensors")
    published = hub.files("me/run")
    for weights in (load_file(output / "model.safetensors"), load(published["model.safetensors"])):
        assert weights.keys() == expected.keys()
        assert all(weights[name].equal(value) for name, value in expected.items())
    assert not list(output.glob(".pushing-*"))
    opened = tmp_path / "opened"
    opened.mkdir()
    for name, content in published.items():
        (opened / name).parent.mkdir(parents=True, exist_ok=True)
        (opened / name).write_bytes(content)
    AutoModel.from_pretrained(opened, trust_remote_code=True)
