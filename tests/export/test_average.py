"""The folder of an average opens like that of any model, and records its sources."""

import json

import pytest
from transformers import pipeline

from tests.modeling.toy_models import toy_model, toy_tokenizer
from trainer.cli import average
from trainer.hub.push_card import card_notes, published_card
from trainer.hub.push_files import publication
from trainer.loading.averaged_model import open_average
from trainer.saving.model_folder import write_model


@pytest.fixture
def models(tmp_path):
    names = [str(tmp_path / f"seed{seed}") for seed in (1, 2)]
    for seed, name in enumerate(names):
        write_model(toy_model(seed=seed), toy_tokenizer(), tmp_path / name)
    for name, language in (("seed1", "en"), ("seed2", "de")):
        card = f"---\nlicense: mit\nlanguage: {language}\n---\n# A model\n"
        (tmp_path / name / "README.md").write_text(card)
    return names


def run(*arguments):
    return average.main(list(map(str, arguments)))


def test_the_folder_is_a_model_with_a_card_and_a_record(models, tmp_path, capsys):
    folder = tmp_path / "soup"
    assert run(*models, "--output_dir", folder, "--shares", 1, 3) == 0
    assert capsys.readouterr().out == f"written to {folder}\n"
    pipe = pipeline("hybrid-mtl", model=str(folder), trust_remote_code=True)
    expected = open_average(models, [1, 3]).model
    for key, value in expected.state_dict().items():
        assert pipe.model.state_dict()[key].equal(value)
    entries = json.loads((folder / "average.json").read_text())["models"]
    assert [(x["model"], x["share"]) for x in entries] == [("seed1", 0.25), ("seed2", 0.75)]
    assert all(entry["version"].startswith("sha256:") for entry in entries)
    card = (folder / "README.md").read_text()
    assert "license: mit" in card and "seed2, 75%" in card and "not measured" in card
    assert "language" not in card  # of one model alone
    assert {"README.md", "model.safetensors"} <= set(publication(folder).files)
    published = published_card(folder, "me/soup")
    assert 'model="me/soup"' in published and not card_notes(folder, "me/soup")[1:]


def test_broken_off_it_leaves_nothing(models, tmp_path, monkeypatch):
    def fail(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("trainer.export.average.write_text", fail)
    with pytest.raises(KeyboardInterrupt):
        run(*models, "--output_dir", tmp_path / "soup")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seed1", "seed2"]


def test_a_folder_with_files_is_kept(models, tmp_path, capsys):
    assert run(*models, "--output_dir", models[0]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_wrong_input_leaves_no_folder(models, tmp_path, capsys):
    assert run(models[0], "--output_dir", tmp_path / "soup") == 2
    assert run(*models, "--output_dir", tmp_path / "soup", "--shares", 1) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and all(line.startswith("hybrid-mtl average: ") for line in errors)
    assert not (tmp_path / "soup").exists()
