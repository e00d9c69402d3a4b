"""Other folders and repositories are refused before anything large is loaded."""

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
    with pytest.raises(UserError, match="only Hub repositories have revisions"):
        check_model(folder, "main")


def test_a_missing_folder_is_reported_first():
    with pytest.raises(UserError, match="^there is no folder '/nowhere/at/all'$"):
        check_model("/nowhere/at/all")
    with pytest.raises(UserError, match="^there is no folder 'runs/nope', and no Hub mo"):
        check_model("runs/nope")


@pytest.mark.parametrize(
    "files, message",
    [
        ({"config": {"model_type": "bert"}}, "contains a model of type bert; pass the folder"),
        ({"config": {}}, "of type unknown"),
        ({"config": []}, "cannot read its config"),
        ({}, "does not contain a model: there is no config.json"),
        ({"config": {"model_type": "bert"}, "export": {}}, "is an export; pass the folder of"),
    ],
)
def test_another_folder_is_refused_with_its_content(tmp_path, files, message):
    with pytest.raises(UserError, match=message):
        check_model(written(tmp_path / "folder", **files))
