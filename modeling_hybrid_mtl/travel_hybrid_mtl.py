"""Kinds of tasks and losses of a user's travel with the model, in files beside ours."""

import ast
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from .registry_hybrid_mtl import HEADS, LOSSES

_OWN = __name__.rpartition(".")[0]
# What this package is called where it is installed.
_INSTALLED = "modeling_hybrid_mtl"
_SUFFIX = "_hybrid_mtl"
_IMPORTER = f"extensions{_SUFFIX}.py"
_ALLOWED = {"torch", "transformers", *sys.stdlib_module_names}


def extension_files(tasks: Collection[dict[str, Any]]) -> dict[str, str]:
    """Return the files that a model of some tasks needs besides this package's, name -> text.

    Args:
        tasks: the tasks' entries.

    Raises:
        ValueError: if one imports what does not travel, naming its line, or two have one name.
    """
    found: dict[str, str] = {}
    for module in sorted(_modules(tasks)):
        path = _file_of(module)
        name = path.stem.removesuffix(_SUFFIX) + _SUFFIX + ".py"
        if name in found or Path(__file__).with_name(name).is_file():
            raise ValueError(f"{path}: another saved file is called {name}; rename this one")
        found[name] = travelling_text(path)
    return found


def _modules(tasks: Collection[dict[str, Any]]) -> set[str]:
    """The modules outside of this package that registered the kinds and losses of some tasks."""
    entries = [HEADS.entry(task["kind"]) for task in tasks]
    entries += [LOSSES.entry(task["loss"]) for task in tasks if task["loss"] in LOSSES]
    return {e.module for e in entries if not e.module.startswith(f"{_OWN}.")}


def _file_of(module: str) -> Path:
    found: ModuleType | None = sys.modules.get(module)
    file = getattr(found, "__file__", None)
    if module == "__main__" or file is None:
        raise ValueError(
            f"module '{module}' registers a kind of task or a loss, and has no file that can be "
            f"saved with the model; put it into a file of its own"
        )
    return Path(file)


def travelling_text(path: Path) -> str:
    """Return the text of a file as it is saved with a model: with relative imports.

    Raises:
        ValueError: naming the line of an import of anything but torch, transformers, Python's own
            modules and the files of this package.
    """
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for line, name in _imports("".join(lines)):
        if name.split(".")[0] in _ALLOWED:
            continue
        if not name.startswith(f"{_INSTALLED}.") or name.count(".") > 1:
            hint = "such as 'from modeling_hybrid_mtl.heads_hybrid_mtl import TaskHead'"
            raise ValueError(
                f"{path}, line {line}: imports '{name}'; a file that registers a kind of task or a "
                f"loss is saved with the model, and may import torch, transformers, Python's own "
                f"modules and names from files of modeling_hybrid_mtl ({hint})"
            )
        lines[line - 1] = re.sub(rf"\bfrom\s+{_INSTALLED}\.", "from .", lines[line - 1], count=1)
    return "".join(lines)


def _imports(text: str) -> Iterator[tuple[int, str]]:
    """Line and module of each import; of a relative one, and of names of packages, as written."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                # `import modeling_hybrid_mtl.x` has no relative form.
                own = alias.name.split(".")[0] == _INSTALLED
                yield node.lineno, f"{_INSTALLED}" if own else alias.name


def write_extensions(folder: Path, files: dict[str, str]) -> None:
    """Write the files of `extension_files` into a model's folder, and the one that imports them."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    stems = [name.removesuffix(".py") for name in files]
    imports = "".join(f"from .{stem} import __name__ as {stem}  # noqa: F401\n" for stem in stems)
    text = '"""Imports what registers kinds of tasks and losses of this model\'s own."""\n\n'
    (folder / _IMPORTER).write_text(text + imports, encoding="utf-8")
