"""A run that is killed between the files that it begins with."""

import os
import shutil

import pytest

from tests.toy_runs import toy_run
from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")


class KilledError(BaseException):
    """In the place of a signal, at a moment of the test's choice."""


def toy(folder):
    return str(toy_run(folder, 8, 4, max_steps=2, save_strategy="steps", save_steps=1))


@pytest.fixture
def run(tmp_path):
    return toy(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The output of another run."""
    folder = tmp_path_factory.mktemp("finished")
    train(parse([toy(folder)]))
    return folder / "out"


def kill_at(monkeypatch, folder, name):
    """Kill the run just before a file of the folder gets its name."""
    real = os.replace

    def replace(source, target):
        if os.fspath(target) == str(folder / name):
            raise KilledError
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize("name", ["run_config.yaml", "run_rows.json"])
@pytest.mark.parametrize("again", [False, True], ids=["first", "over another"])
def test_it_can_begin_anew_and_goes_on_once_it_is_known(
    run, finished, tmp_path, monkeypatch, name, again
):
    output = tmp_path / "out"
    if again:
        shutil.copytree(finished, output)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        kill_at(patch, output, name)
        train(parse([run, "--overwrite_output_dir", "true"]))
    # No run goes on from a checkpoint with rows of which nobody knows whether they are the same.
    assert not list(output.glob("checkpoint-*"))
    assert not (output / "model.safetensors").exists()
    if name == "run_rows.json":
        train(parse([run, "--resume", "true"]))
    else:
        with pytest.raises(InputError, match="contains no run to resume"):
            train(parse([run, "--resume", "true"]))
        train(parse([run]))
    assert (output / "model.safetensors").is_file()
    assert (output / "run_rows.json").is_file()
