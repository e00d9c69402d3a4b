"""What is no trained model is refused before anything large is loaded."""

import json

import pytest

from trainer.app.errors import UserError
from trainer.app.model_check import check_model


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def written(folder, **files):
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return str(folder)


def test_a_trained_model_is_taken_and_a_folder_has_no_revision(tmp_path):
    folder = written(tmp_path / "model", config={"model_type": "hybrid_mtl"})
    check_model(folder)
    with pytest.raises(UserError, match="only a Hub repository has revisions"):
        check_model(folder, "main")


def test_a_folder_that_is_not_there_is_told_first():
    with pytest.raises(UserError, match="^there is no folder '/nowhere/at/all'$"):
        check_model("/nowhere/at/all")
    with pytest.raises(UserError, match="^there is no folder 'runs/nope', and the Hub gives no mo"):
        check_model("runs/nope")


@pytest.mark.parametrize(
    "files, message",
    [
        ({"config": {"model_type": "bert"}}, "holds a model of type bert; name the folder"),
        ({"config": {}}, "of type unknown"),
        ({"config": []}, "cannot be read"),
        ({}, "there is no config.json in it"),
        ({"config": {"model_type": "bert"}, "export": {}}, "is an export; name the folder of"),
    ],
)
def test_another_folder_is_refused_with_what_it_holds(tmp_path, files, message):
    with pytest.raises(UserError, match=message):
        check_model(written(tmp_path / "folder", **files))
