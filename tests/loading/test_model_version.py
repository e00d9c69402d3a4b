"""Fingerprints of models and of their exports."""

import json

from trainer.loading.model_version import EXPORT, EXPORTED, model_version


def test_a_folders_version_depends_on_its_weights(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"a")
    first = model_version(str(tmp_path), None)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "model.safetensors").write_bytes(b"b")
    assert model_version(str(tmp_path), None) == first
    (tmp_path / "model.safetensors").write_bytes(b"b")
    assert model_version(str(tmp_path), None) != first
    assert model_version("me/model", "abc") == "abc"


def test_an_export_has_the_version_of_its_model(tmp_path):
    (tmp_path / "int8").mkdir()
    versions = set()
    for content in (b"a", b"b"):
        (tmp_path / "int8" / "shared.onnx").write_bytes(content)
        versions.add(model_version(str(tmp_path), None))
    assert len(versions) == 2  # of an export without it
    (tmp_path / EXPORT).write_text(json.dumps({"format": "onnx", EXPORTED: "sha256:12"}))
    assert model_version(str(tmp_path), None) == "sha256:12"
