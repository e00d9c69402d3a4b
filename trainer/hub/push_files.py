"""The published files of a trained model's folder."""

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
# The files that a push writes, and deletes in the repository when the folder no longer has them.
# Nothing else is published: no pickle, no optimizer state, no configuration of a run.
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
    "examples.json",
    "evaluation.json",
    "test_evaluation.json",
    "bias_audit.json",
    "monitoring/reference.json",
    "monitoring/reference.safetensors",
    "figures/*.png",
    "figures/test/*.png",
    "figures/*.svg",
    "adapters/*/adapter_config.json",
    "adapters/*/adapter_model.safetensors",
    *(f"merged/*/{pattern}" for pattern in MODEL_FILES),
)
# Published if present, and never deleted.
NEVER_DELETED = ("LICENSE", "LICENSE.*", "NOTICE")
TEXT_SUFFIXES = (".json", ".md", ".py", ".txt", ".svg")


@dataclass(frozen=True)
class Publication:
    """The files that a push uploads.

    Attributes:
        files: path in the repository -> file.
        excluded: names in the folder that are not published.
    """

    files: dict[str, Path]
    excluded: list[str]

    def listing(self) -> str:
        """Return the files with their sizes, one per line, and the excluded names."""
        sizes = {name: path.stat().st_size for name, path in self.files.items()}
        width = max(len(f"{size:,}") for size in (*sizes.values(), sum(sizes.values())))
        lines = [f"{size:>{width},}  {name}" for name, size in sizes.items()]
        lines.append(f"{sum(sizes.values()):>{width},}  bytes in {len(sizes)} files")
        if self.excluded:
            lines.append(f"not published: {', '.join(self.excluded)}")
        return "\n".join(lines)


def is_published(name: str) -> bool:
    """Return whether pushes write this path of a repository."""
    return matches(name, PUBLISHED)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a path matches a pattern, in which a star matches no slash."""
    return any(
        name.count("/") == pattern.count("/") and fnmatch(name, pattern) for pattern in patterns
    )


def publication(folder: Path, token: str | None = None) -> Publication:
    """Select and check the published files of a model folder.

    Args:
        folder: a folder of `write_model` or a checkpoint.
        token: the user's token, which no file may contain.

    Raises:
        InputError: if the model is incomplete, a file is a link out of the folder, weights are not
            safetensors, or a text contains a token or a path of this machine.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder '{folder}'; pass the folder of a trained model")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    files = {
        name: path for name, path in names.items() if matches(name, (*PUBLISHED, *NEVER_DELETED))
    }
    handler = {HANDLER: _bundled_handler()}
    _check_complete(folder, handler | files)
    for path in files.values():
        check_inside(path, folder)
        text = ""
        if path.suffix == ".safetensors":
            text = _weights_metadata(path)
        elif path.suffix in TEXT_SUFFIXES:
            text = path.read_text(encoding="utf-8", errors="replace")
        check_text(path, text, token, folder)
    # Folders of earlier versions have no handler; the bundled one loads any model.
    files = handler | files
    folders = {name.split("/")[0] for name in files if "/" in name}
    excluded = set()
    for name in names.keys() - files.keys():
        top, inside, _ = name.partition("/")
        excluded.add(f"{top}/" if inside and top not in folders else name)
    return Publication(files, sorted(name for name in excluded if not name.startswith(".")))


def read_model_config(path: Path) -> dict[str, Any]:
    """Read a model's `config.json`; return an empty mapping if it is invalid."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _bundled_handler() -> Path:
    """Return this project's handler without the slow import of its package."""
    package = find_spec("modeling_hybrid_mtl")
    assert package is not None and package.origin is not None
    return Path(package.origin).with_name(HANDLER)


def _check_complete(folder: Path, files: dict[str, Path]) -> None:
    """Check that `AutoModel`, `AutoTokenizer` and `pipeline` can load the published files."""
    if (folder / "export.json").is_file():
        raise InputError(
            f"'{folder}' is an export, not the model; publish it unchanged with "
            f"`hf upload NAME/REPOSITORY {folder}`"
        )
    config = read_model_config(folder / MODEL_CONFIG)
    if config.get("model_type") != "hybrid_mtl":
        raise InputError(
            f"'{folder}' does not contain a trained hybrid-mtl model (by its {MODEL_CONFIG}); pass "
            f"the output folder of a finished run"
        )
    missing = [name for name in _required_files(folder, config) if name not in files]
    if missing:
        raise InputError(
            f"'{folder}' is incomplete, there is no {', '.join(missing)}; save the model again "
            "with save_pretrained, or train again"
        )


def _required_files(folder: Path, config: dict[str, Any]) -> list[str]:
    """Return the files that are required to load a model's folder."""
    try:
        classes = [str(name) for name in config["auto_map"].values()]
        classes += [str(entry["impl"]) for entry in config["custom_pipelines"].values()]
    except (AttributeError, KeyError, TypeError):
        classes = []
    if not classes:
        raise InputError(
            f"'{folder / MODEL_CONFIG}' does not name the model's code (auto_map, "
            f"custom_pipelines); save the model again with save_pretrained"
        )
    code = {f"{name.split('.')[0]}.py" for name in classes}
    for name in sorted(code):
        if (folder / name).is_file():
            code |= _add_imports(folder / name, code)
    index = folder / WEIGHTS_INDEX
    weights = [WEIGHTS]
    if index.is_file():
        weights = sorted(set(read_model_config(index).get("weight_map", {}).values()))
    return [*sorted(code), *weights, "tokenizer_config.json"]


def _add_imports(file: Path, names: set[str]) -> set[str]:
    """Return `names` and the files that the relative imports of `file` lead to."""
    # Imported here, as it imports torch: other errors are raised before.
    from transformers.dynamic_module_utils import get_relative_imports

    imported = {f"{name}.py" for name in get_relative_imports(file)} - names
    for name in imported:
        if file.with_name(name).is_file():
            names = names | _add_imports(file.with_name(name), names | imported)
    return names | imported


def _weights_metadata(path: Path) -> str:
    """Return the metadata of a safetensors file as JSON."""
    try:
        with safe_open(path, framework="np") as weights:
            return json.dumps(weights.metadata() or {})
    except SafetensorError as error:
        raise InputError(
            f"'{path}' is not a valid safetensors file ({error}); delete it, or save it again"
        ) from error
