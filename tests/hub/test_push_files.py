import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.hub.folders import CODE, model_folder
from trainer.errors import InputError
from trainer.hub.push_files import is_published, publication


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return model_folder(tmp_path_factory.mktemp("made") / "model", adapters=("mood",))


@pytest.fixture
def folder(made, tmp_path):
    """A copy, which a test may change."""
    return Path(shutil.copytree(made, tmp_path / "model"))


def test_a_run_s_model_is_published_and_nothing_else(folder):
    found = publication(folder)
    assert set(found.files) == CODE | {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "README.md",
        "metrics.json",
        "figures/mood.png",
        "adapters/mood/adapter_config.json",
        "adapters/mood/adapter_model.safetensors",
    }
    assert found.excluded == [
        "checkpoint-3/",
        "optimizer.pt",
        "run_config.yaml",
        "training_args.bin",
    ]


def test_a_merged_model_is_published_too(folder):
    model_folder(folder / "merged" / "mood")
    found = set(publication(folder).files)
    assert {f"merged/mood/{name}" for name in (*CODE, "config.json", "model.safetensors")} <= found
    assert "merged/mood/optimizer.pt" not in found


def test_a_license_is_published_but_never_deleted(folder):
    (folder / "LICENSE").write_text("as you like")
    assert "LICENSE" in publication(folder).files
    assert not is_published("LICENSE")


def test_the_listing_shows_names_sizes_and_excluded_files(folder):
    found = publication(folder)
    lines = found.listing().splitlines()
    size = (folder / "model.safetensors").stat().st_size
    assert any(line.split() == [f"{size:,}", "model.safetensors"] for line in lines)
    total = sum(path.stat().st_size for path in found.files.values())
    assert lines[-2].strip() == f"{total:,}  bytes in {len(found.files)} files"
    assert lines[-1].startswith("not published: checkpoint-3/, optimizer.pt")


def shard(folder):
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    index = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, folder / file)
        index.update(dict.fromkeys(part, file))
    text = json.dumps({"metadata": {}, "weight_map": index})
    (folder / "model.safetensors.index.json").write_text(text)


def test_weights_may_be_in_shards(folder):
    shard(folder)
    assert "model-00002-of-00002.safetensors" in publication(folder).files
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match="there is no model-00002-of-00002.safetensors"):
        publication(folder)


@pytest.mark.parametrize(
    "name",
    [*sorted(CODE - {"handler.py"}), "model.safetensors", "tokenizer_config.json", "config.json"],
)
def test_a_folder_that_would_not_open_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(
        InputError, match=name if name != "config.json" else "not contain a trained hybrid"
    ):
        publication(folder)


@pytest.mark.parametrize("entry", ["auto_map", "custom_pipelines"])
def test_a_configuration_that_does_not_name_the_code_is_refused(folder, entry):
    config = json.loads((folder / "config.json").read_text())
    del config[entry]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="does not name the model's code"):
        publication(folder)


def test_a_pickle_by_another_name_is_refused(folder):
    (folder / "model.safetensors").write_bytes(b"\x80\x04" + b"pickle" * 20)
    with pytest.raises(InputError, match="model.safetensors' is not a valid safetensors file"):
        publication(folder)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        publication(tmp_path / "nowhere")


def test_every_published_text_is_checked(folder):
    (folder / "metrics.json").write_text('{"from": "/home/somebody/data"}')
    with pytest.raises(InputError, match="metrics.json', line 1: contains a path"):
        publication(folder)


def test_metadata_of_the_weights_are_checked(folder):
    weights = load_file(folder / "model.safetensors")
    notes = {"format": "pt", "from": "/home/somebody/encoder"}
    save_file(weights, folder / "model.safetensors", notes)
    with pytest.raises(InputError, match="model.safetensors', line 1: contains a path"):
        publication(folder)


def test_an_excluded_file_of_a_published_folder_has_its_name(folder):
    (folder / "figures" / "mood.psd").write_bytes(b"")
    assert "figures/mood.psd" in publication(folder).excluded


def test_a_folder_of_an_earlier_version_gets_a_handler(folder):
    (folder / "handler.py").unlink()
    found = publication(folder).files["handler.py"]
    assert found.is_file() and not found.is_relative_to(folder)
    assert "class EndpointHandler" in found.read_text()


def test_an_export_is_refused_with_what_publishes_it(folder):
    (folder / "export.json").write_text("{}")
    with pytest.raises(InputError, match=f"is an export, .*`hf upload NAME/REPOSITORY {folder}`"):
        publication(folder)
