"""Which files of a trained model's folder are published."""

import json
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from trainer.errors import InputError
from trainer.hub.push_checks import check_text
from trainer.saving.files import check_inside

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
MODEL_CONFIG = "config.json"
HANDLER = "handler.py"
# What is published, and what a later push deletes in the repository when the folder has it no
# more. Nothing else ever goes up: no pickle, no optimizer's state, no run's configuration.
MODEL_FILES = (
    MODEL_CONFIG,
    "model*.safetensors",
    WEIGHTS_INDEX,
    "tokenizer*.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "*_hybrid_mtl.py",
    HANDLER,
)
PUBLISHED = (
    *MODEL_FILES,
    "README.md",
    "metrics.json",
    "evaluation.json",
    "figures/*.png",
    "figures/*.svg",
    "adapters/*/adapter_config.json",
    "adapters/*/adapter_model.safetensors",
    *(f"merged/*/{pattern}" for pattern in MODEL_FILES),
)
# Published if they are there, and never deleted: somebody wrote them.
KEPT = ("LICENSE", "LICENSE.*", "NOTICE")
TEXT_SUFFIXES = (".json", ".md", ".py", ".txt", ".svg")


@dataclass(frozen=True)
class Publication:
    """What a push of a folder uploads.

    Attributes:
        files: path in the repository -> file.
        left_out: names in the folder that are not published.
    """

    files: dict[str, Path]
    left_out: list[str]

    def listing(self) -> str:
        """The files with their sizes, one to a line, and what is left out."""
        sizes = {name: path.stat().st_size for name, path in self.files.items()}
        width = max(len(f"{size:,}") for size in (*sizes.values(), sum(sizes.values())))
        lines = [f"{size:>{width},}  {name}" for name, size in sizes.items()]
        lines.append(f"{sum(sizes.values()):>{width},}  bytes in {len(sizes)} files")
        if self.left_out:
            lines.append(f"not published: {', '.join(self.left_out)}")
        return "\n".join(lines)


def is_published(name: str) -> bool:
    """Whether a path in a repository is one that pushes write."""
    return matches(name, PUBLISHED)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a path fits one of the patterns, in which a star stands for no slash."""
    return any(
        name.count("/") == pattern.count("/") and fnmatch(name, pattern) for pattern in patterns
    )


def publication(folder: Path, token: str | None = None) -> Publication:
    """The files of a model folder that are published, each looked through.

    Args:
        folder: what `write_model` or a checkpoint wrote.
        token: the user's, which must be in no file.

    Raises:
        InputError: if the folder is no whole model, a file is a link out of it, its weights are not
            safetensors, or a text holds a token or a path of this machine.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder '{folder}'; name a trained model's")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    files = {name: path for name, path in names.items() if matches(name, (*PUBLISHED, *KEPT))}
    own_handler = {HANDLER: _own_handler()}
    _check_whole(folder, own_handler | files)
    for path in files.values():
        check_inside(path, folder)
        text = ""
        if path.suffix == ".safetensors":
            text = _notes_in_weights(path)
        elif path.suffix in TEXT_SUFFIXES:
            text = path.read_text(encoding="utf-8", errors="replace")
        check_text(path, text, token, folder)
    # A folder of an earlier version has none; this project's opens any of its models.
    files = own_handler | files
    folders = {name.split("/")[0] for name in files if "/" in name}
    left_out = set()
    for name in names.keys() - files.keys():
        top, inside, _ = name.partition("/")
        left_out.add(f"{top}/" if inside and top not in folders else name)
    return Publication(files, sorted(name for name in left_out if not name.startswith(".")))


def read_model_config(path: Path) -> dict[str, Any]:
    """A model's `config.json`, or an empty mapping if it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _own_handler() -> Path:
    """The handler of this project, found without importing it, which takes a while."""
    package = find_spec("modeling_hybrid_mtl")
    assert package is not None and package.origin is not None
    return Path(package.origin).with_name(HANDLER)


def _check_whole(folder: Path, files: dict[str, Path]) -> None:
    """Make sure that what is published opens with `AutoModel`, `AutoTokenizer` and `pipeline`."""
    if (folder / "export.json").is_file():
        raise InputError(
            f"'{folder}' is an export, not the model; publish it as it is with "
            f"`hf upload NAME/REPOSITORY {folder}`"
        )
    config = read_model_config(folder / MODEL_CONFIG)
    if config.get("model_type") != "hybrid_mtl":
        raise InputError(
            f"'{folder}' holds no trained hybrid-mtl model (its {MODEL_CONFIG} says nothing of "
            f"one); name the output folder of a finished run"
        )
    missing = [name for name in _needed(folder, config) if name not in files]
    if missing:
        raise InputError(
            f"'{folder}' is not a whole model, there is no {', '.join(missing)}; write it again "
            f"with save_pretrained, or train again"
        )


def _needed(folder: Path, config: dict[str, Any]) -> list[str]:
    """The files without which a model's folder does not open."""
    try:
        classes = [str(name) for name in config["auto_map"].values()]
        classes += [str(entry["impl"]) for entry in config["custom_pipelines"].values()]
    except (AttributeError, KeyError, TypeError):
        classes = []
    if not classes:
        raise InputError(
            f"'{folder / MODEL_CONFIG}' does not name the model's code (auto_map, "
            f"custom_pipelines); write the model again with save_pretrained"
        )
    code = {f"{name.split('.')[0]}.py" for name in classes}
    for name in sorted(code):
        if (folder / name).is_file():
            code |= _imported_by(folder / name, code)
    index = folder / WEIGHTS_INDEX
    weights = [WEIGHTS]
    if index.is_file():
        weights = sorted(set(read_model_config(index).get("weight_map", {}).values()))
    return [*sorted(code), *weights, "tokenizer_config.json"]


def _imported_by(file: Path, known: set[str]) -> set[str]:
    """The files beside a file that its relative imports lead to, and `known`."""
    # Torch comes with it, which a folder that is refused earlier does not have to wait for.
    from transformers.dynamic_module_utils import get_relative_imports

    found = {f"{name}.py" for name in get_relative_imports(file)} - known
    for name in found:
        if file.with_name(name).is_file():
            known = known | _imported_by(file.with_name(name), known | found)
    return known | found


def _notes_in_weights(path: Path) -> str:
    """The notes in the head of a file of weights, as JSON."""
    try:
        with safe_open(path, framework="np") as weights:
            return json.dumps(weights.metadata() or {})
    except SafetensorError as error:
        raise InputError(
            f"'{path}' is not in the safetensors format ({error}); delete it, or write it again"
        ) from error
