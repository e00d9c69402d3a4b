import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.export.toy_exports import LONG, TEXTS, toy_folder
from tests.modeling.toy_models import toy_model, toy_tokenizer, with_adapters
from trainer.errors import InputError
from trainer.export import export

sentence_transformers = pytest.importorskip("sentence_transformers")


@torch.no_grad()
def vectors_of(model, texts, task=None):
    inputs = toy_tokenizer()(texts, padding=True, truncation=True, return_tensors="pt")
    return model(**inputs, task=task).embeddings


def exported(folder: Path, **options):
    """Export the model in `folder/model` and load it with sentence-transformers."""
    target = folder / "encoder"
    export(str(folder / "model"), target, "sentence-transformers", **options)
    return sentence_transformers.SentenceTransformer(str(target), device="cpu")


def same(encoder, expected, texts):
    found = encoder.encode(texts, convert_to_tensor=True)
    return (found - expected).abs().max().item() <= 1e-6


@pytest.mark.parametrize(
    "kind, pooling",
    [
        ("bert", "mean"),
        ("bert", "cls"),
        ("bert", "pooler"),
        ("distilbert", "mean"),
        ("roberta", "pooler"),
        ("roberta", "mean"),
        ("modernbert", "cls"),
    ],
)
def test_vectors_are_the_models(tmp_path, kind, pooling):
    model = toy_folder(tmp_path / "model", kind=kind, pooling=pooling)
    encoder = exported(tmp_path)
    assert encoder.max_seq_length == toy_tokenizer().model_max_length
    assert encoder.get_embedding_dimension() == 16
    # A long text would change the padding of those that share its batch.
    for texts in (TEXTS, [LONG]):
        assert same(encoder, vectors_of(model, texts), texts)
    assert not same(encoder, vectors_of(model, TEXTS[::-1]), TEXTS)


def test_folder_is_a_standard_one_with_a_card(tmp_path, capsys):
    toy_folder(tmp_path / "model")
    encoder = exported(tmp_path)
    assert getattr(encoder[0].auto_model, "pooler", None) is None
    folder = tmp_path / "encoder"
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {"modules.json", "1_Pooling/config.json", "model.safetensors", "README.md"} <= files
    assert not [name for name in files if name.endswith((".py", ".bin", ".pt"))]
    assert "auto_map" not in json.loads((folder / "config.json").read_text())
    described = json.loads((folder / "export.json").read_text())
    assert set(described["files"]) == files - {"export.json"}
    assert described["largest_difference"] <= 1e-6
    card = (folder / "README.md").read_text()
    card = " ".join(card.split())
    assert "up to 24 tokens" in card and "a vector of 16 numbers" in card
    for path in folder.rglob("*.json"):
        assert str(tmp_path) not in path.read_text()
    assert "largest difference of a vector's entries" in capsys.readouterr().out


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_layout_is_that_of_text_embeddings_inference(tmp_path, pooling):
    """The files and required fields that its router reads, for an encoder that it knows."""
    toy_folder(tmp_path / "model", pooling=pooling)
    encoder = exported(tmp_path)
    folder = tmp_path / "encoder"

    def read(name):
        return json.loads((folder / name).read_text())

    config = read("config.json")
    assert config["model_type"] == "bert" and config["architectures"] == ["BertModel"]
    assert isinstance(config["max_position_embeddings"], int)
    assert isinstance(config["pad_token_id"], int)
    flags = {
        name: value for name, value in read("1_Pooling/config.json").items() if "_mode_" in name
    }
    assert flags == {
        "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    assert read("sentence_bert_config.json")["max_seq_length"] == encoder.max_seq_length == 24
    assert [module["path"] for module in read("modules.json")] == ["", "1_Pooling"]
    assert read("tokenizer.json")["model"]["vocab"]
    assert (folder / "model.safetensors").is_file()


def test_an_adapter_is_merged_for_its_task_only(tmp_path, capsys):
    model = with_adapters(toy_model(), "mood", "near", "shared")
    toy_folder(tmp_path / "model", model)
    alone = exported(tmp_path, task="mood")
    assert same(alone, vectors_of(model, TEXTS, "mood"), TEXTS)
    assert not same(alone, vectors_of(model, TEXTS), TEXTS)
    capsys.readouterr()
    whole = exported(tmp_path, overwrite=True)
    assert same(whole, vectors_of(model, TEXTS), TEXTS)
    assert "adapters omitted: mood, near" in capsys.readouterr().out
    card = (tmp_path / "encoder/README.md").read_text()
    assert "without the adapters of mood, near" in " ".join(card.split())


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_shared_layers_are_part_of_the_encoder(tmp_path, pooling):
    sizes = {"shared_hidden_sizes": [12, 6], "shared_activation": "relu"}
    model = toy_folder(tmp_path / "model", pooling=pooling, **sizes)
    encoder = exported(tmp_path)
    assert same(encoder, vectors_of(model, TEXTS), TEXTS)
    assert encoder.get_embedding_dimension() == 6
    card = (tmp_path / "encoder" / "README.md").read_text()
    assert "6 numbers" in card and "layers that all tasks share" in card


def test_a_pooler_of_another_kind_is_refused(tmp_path, nothing_left):
    toy_folder(tmp_path / "model", kind="albert", pooling="pooler")
    with pytest.raises(InputError, match="pooler of an encoder of type albert is"):
        exported(tmp_path)
    assert nothing_left("model")


def test_other_vectors_are_refused_and_nothing_is_left(tmp_path, monkeypatch, nothing_left):
    toy_folder(tmp_path / "model")
    # As if sentence-transformers pooled in some other way.
    pooling = sentence_transformers.sentence_transformer.modules.Pooling
    forward = pooling.forward

    def other(self, features, **options):
        features = forward(self, features, **options)
        features["sentence_embedding"] = 1.001 * features["sentence_embedding"]
        return features

    monkeypatch.setattr(pooling, "forward", other)
    with pytest.raises(
        InputError, match="vectors of sentence-transformers differ from the model's by"
    ):
        exported(tmp_path)
    assert nothing_left("model")


@pytest.mark.slow
def test_loads_where_this_project_is_not_installed(tmp_path):
    model = toy_folder(tmp_path / "model")
    exported(tmp_path)
    code = (
        "import sys; sys.modules['trainer'] = sys.modules['modeling_hybrid_mtl'] = None\n"
        "from sentence_transformers import SentenceTransformer\n"
        f"print(SentenceTransformer('encoder', device='cpu').encode({TEXTS[0]!r}).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = torch.tensor(json.loads(done.stdout))
    assert (found - vectors_of(model, TEXTS[:1])[0]).abs().max() <= 1e-6
    assert "newly initialized" not in done.stderr and "MISSING" not in done.stderr
