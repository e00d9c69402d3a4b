"""Code from a repository runs when the user says so, and pickles are never read."""

import json
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, BertModel

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from tests.modeling.toy_models import (
    TASKS,
    toy_backbone_config,
    toy_model,
    toy_tokenizer,
    with_adapters,
)
from tests.security.hostile import Mark, encoder_with_code, model_with_code, with_pickle_alone
from trainer.cli.open_model import open_pipeline
from trainer.config.run_arguments import RunArguments
from trainer.data.augmentation.back_translation import Translator
from trainer.errors import InputError
from trainer.loading.language_model import language_model
from trainer.loading.new_model import load_config
from trainer.loading.trained_model import open_model, open_tokenizer, open_trained
from trainer.saving.model_folder import write_model


@pytest.fixture
def mark(tmp_path, monkeypatch):
    # Where transformers copies a repository's code to.
    monkeypatch.setattr(
        "transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "code")
    )
    # It is imported from there, and not from another test's place.
    monkeypatch.syspath_prepend(tmp_path / "code")
    _forget_imported_code()
    yield Mark(tmp_path / "was-run")
    _forget_imported_code()


def _forget_imported_code():
    for name in [name for name in sys.modules if name.startswith("transformers_modules")]:
        del sys.modules[name]


@pytest.fixture
def app():
    pytest.importorskip("gradio", reason="the extra 'app' is not installed")
    from trainer.app import model_session

    return model_session


def run_of(folder):
    return RunArguments(model_name_or_path=str(folder))


def test_a_model_is_opened_without_the_code_beside_it(tmp_path, mark):
    folder = model_with_code(tmp_path / "model", mark)
    open_trained(str(folder))
    load_config(run_of(folder))
    open_pipeline(str(folder))
    HybridMTLModel.from_pretrained(folder)
    AutoModel.from_pretrained(folder)
    assert not mark
    open_pipeline(str(folder), trust_remote_code=True)
    assert mark  # the trap works


def test_the_page_opens_a_model_without_the_code_beside_it(tmp_path, mark, app):
    folder = model_with_code(tmp_path / "model", mark)
    asker = app.open_model(str(folder))
    assert not mark
    trusted = app.open_model(str(folder), trust_remote_code=True)
    assert mark and asker.predict("a film") == trusted.predict("a film")


def test_the_server_opens_a_model_without_the_code_beside_it(tmp_path, mark):
    pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")
    from trainer.serving.model import open_served

    folder = model_with_code(tmp_path / "model", mark)
    assert open_served(str(folder)).tasks
    with pytest.raises(InputError):
        open_served(str(with_pickle_alone(model_with_code(tmp_path / "pickle", mark), mark)))
    assert not mark


@pytest.mark.parametrize("model_type", ["bert", "evil"])
def test_an_encoder_s_own_code_is_never_run(tmp_path, mark, model_type):
    folder = encoder_with_code(tmp_path / "encoder", mark, model_type)
    BertModel(toy_backbone_config()).save_pretrained(tmp_path / "weights")
    (folder / "model.safetensors").write_bytes(
        (tmp_path / "weights" / "model.safetensors").read_bytes()
    )
    for trust in ({}, {"trust_remote_code": True}):  # which is said of the model, not of this
        try:
            HybridMTLModel.from_backbone(str(folder), TASKS, **trust)
            assert model_type == "bert"
        except ValueError as error:
            assert model_type == "evil" and "custom code" in str(error)
    if model_type == "evil":
        with pytest.raises(InputError, match="contains custom code"):
            load_config(run_of(folder))
    else:
        load_config(run_of(folder))
        open_tokenizer(str(folder))
    assert not mark


def test_a_configuration_brings_no_code_into_its_encoder(tmp_path, mark):
    folder = encoder_with_code(tmp_path / "encoder", mark)
    entry = {**toy_backbone_config().to_dict(), "_name_or_path": str(folder)}
    for name in ("evil.Model", f"{folder}--evil.Model"):
        config = HybridMTLConfig({**entry, "auto_map": {"AutoModel": name}}, TASKS)
        HybridMTLModel(config)
    assert not mark


def test_a_repository_with_a_pickle_alone_is_refused(tmp_path, mark):
    toy_model().save_pretrained(tmp_path / "model")
    toy_tokenizer().save_pretrained(tmp_path / "model")
    folder = with_pickle_alone(tmp_path / "model", mark)
    for trust in (False, True):
        with pytest.raises(OSError, match="safetensors"):
            AutoModel.from_pretrained(folder, trust_remote_code=trust)
    with pytest.raises(OSError, match="safetensors"):
        HybridMTLModel.from_pretrained(folder, use_safetensors=False)
    for opened in (open_trained, open_model):
        with pytest.raises(InputError, match="safetensors"):
            opened(str(folder))
    assert not mark


def test_the_page_refuses_a_pickle(tmp_path, mark, app):
    toy_model().save_pretrained(tmp_path / "model")
    folder = with_pickle_alone(tmp_path / "model", mark)
    for trust in (False, True):
        with pytest.raises(app.UserError, match="safetensors"):
            app.open_model(str(folder), trust_remote_code=trust)
    assert not mark


def test_an_encoder_with_a_pickle_alone_is_refused(tmp_path, mark):
    BertModel(toy_backbone_config()).save_pretrained(tmp_path / "encoder")
    toy_tokenizer().save_pretrained(tmp_path / "encoder")
    folder = str(with_pickle_alone(tmp_path / "encoder", mark))
    with pytest.raises(OSError, match="safetensors"):
        HybridMTLModel.from_backbone(folder, TASKS)
    with pytest.raises(InputError, match="safetensors"):
        language_model(toy_model().backbone, folder)
    with pytest.raises(InputError, match="cannot load the model"):
        Translator(folder, "cpu")
    assert not mark


def test_what_is_handed_on_holds_no_pickle(tmp_path):
    model = with_adapters(toy_model(), "mood")
    write_model(model, toy_tokenizer(), tmp_path, merged=True)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in written} == {".json", ".py", ".safetensors"}
    # A pickle of Python's, and the archive with one inside that torch.save writes.
    assert not [path for path in written if path.read_bytes().startswith((b"\x80", b"PK"))]


@pytest.mark.parametrize("named", ["weights.bin", "../outside/model.safetensors"])
def test_an_index_cannot_name_a_pickle_or_a_file_elsewhere(tmp_path, mark, app, named):
    for name, model in (("model", toy_model()), ("encoder", BertModel(toy_backbone_config()))):
        model.save_pretrained(tmp_path / name)
        toy_tokenizer().save_pretrained(tmp_path / name)
        _index_names(tmp_path / name, named)
    folder, encoder = str(tmp_path / "model"), str(tmp_path / "encoder")
    message = f"lists '{named}'; weights must be safetensors files in the same folder"
    for opened in (HybridMTLModel.from_pretrained, AutoModel.from_pretrained):
        with pytest.raises(ValueError, match=message):
            opened(folder)
    with pytest.raises(ValueError, match=message):
        HybridMTLModel.from_backbone(encoder, TASKS)
    with pytest.raises(app.UserError, match=message):
        app.open_model(folder)
    for opened in (
        open_trained,
        open_model,
        lambda _: language_model(toy_model().backbone, encoder),
        lambda _: Translator(encoder, "cpu"),
    ):
        with pytest.raises(InputError, match=message):
            opened(folder)
    assert not mark


def _index_names(folder, named):
    """The folder's weights under another name, and an index that says so."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    place = folder / named
    place.parent.mkdir(exist_ok=True)
    if named.endswith(".bin"):
        torch.save(weights, place)
    else:
        save_file(weights, place)
    index = {"metadata": {}, "weight_map": dict.fromkeys(weights, named)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_weights_in_several_files_of_the_folder_are_read(tmp_path):
    model = toy_model()
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    found = HybridMTLModel.from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())
    (tmp_path / "model.safetensors.index.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="index.json is damaged"):
        HybridMTLModel.from_pretrained(tmp_path)
