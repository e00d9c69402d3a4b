import pytest

from trainer.loading.model_version import model_version


@pytest.mark.parametrize("name", ["model.safetensors", "shared.onnx"])
def test_a_folders_version_is_a_fingerprint_of_its_weights(tmp_path, name):
    (tmp_path / name).write_bytes(b"1")
    (tmp_path / "README.md").write_text("a card")
    first = model_version(str(tmp_path), "ignored")
    assert first.startswith("sha256:") and len(first) == 23
    (tmp_path / "README.md").write_text("another card")
    assert model_version(str(tmp_path), None) == first
    (tmp_path / name).write_bytes(b"2")
    assert model_version(str(tmp_path), None) != first


def test_a_repositorys_version_is_its_commit():
    assert model_version("me/no-such-folder", "abc") == "abc"
    assert model_version("me/no-such-folder", None) == "unknown"
