"""Repositories that try to run code: every way in leaves a mark, if it is taken."""

import json
import pickle
import shutil
from pathlib import Path

from tests.modeling.toy_models import toy_backbone_config, toy_model, toy_tokenizer


class Mark:
    """A file that is there once something of a repository's was run."""

    def __init__(self, path: Path):
        self.path = path
        self.code = f"open({str(path)!r}, 'w').close()\n"

    def __bool__(self) -> bool:
        return self.path.exists()


class _Trap:
    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def model_with_code(folder: Path, mark: Mark) -> Path:
    """A model whose Python files do more than they should."""
    toy_model().save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    for path in folder.glob("*.py"):
        path.write_text(mark.code + path.read_text())
    return folder


def encoder_with_code(folder: Path, mark: Mark, model_type: str = "bert") -> Path:
    """An encoder whose configuration and tokenizer name code of its own."""
    config = toy_backbone_config()
    config.save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    for name, entry in (
        ("config.json", {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["evil.Tokenizer", "evil.Tokenizer"]}),
    ):
        content = json.loads((folder / name).read_text())
        content["auto_map"] = entry
        if name == "config.json":
            content["model_type"] = model_type
        (folder / name).write_text(json.dumps(content))
    (folder / "evil.py").write_text(mark.code)
    return folder


def with_pickle_alone(folder: Path, mark: Mark) -> Path:
    """The folder's model with its weights as a pickle, which does more than it should."""
    for path in folder.glob("*.safetensors"):
        path.unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(_Trap(mark.path)))
    return folder


def copy(folder: Path, target: Path) -> Path:
    """A copy of a folder, which a test may change."""
    return Path(shutil.copytree(folder, target))
