"""Saving of extension files with a model: user-defined kinds of tasks and losses."""

import ast
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from .registry_hybrid_mtl import HEADS, LOSSES

_PACKAGE = __name__.rpartition(".")[0]
# The name of the installed package.
_INSTALLED = "modeling_hybrid_mtl"
_SUFFIX = "_hybrid_mtl"
_IMPORTER = f"extensions{_SUFFIX}.py"
_ALLOWED = {"torch", "transformers", *sys.stdlib_module_names}


def extension_files(tasks: Collection[dict[str, Any]]) -> dict[str, str]:
    """Return the extension files that a model needs: name -> text.

    Args:
        tasks: the tasks' entries.

    Raises:
        ValueError: if a file imports code that is not saved, with the line, or two files have one
            name.
    """
    entries = [HEADS.entry(task["kind"]) for task in tasks]
    entries += [LOSSES.entry(task["loss"]) for task in tasks if task["loss"] in LOSSES]
    return saved_files(entry.module for entry in entries)


def saved_files(modules: Iterable[str]) -> dict[str, str]:
    """Return the files of modules that register kinds of tasks and losses: saved name -> text.

    Args:
        modules: names of modules; those of this package are left out.

    Raises:
        ValueError: see `extension_files`.
    """
    files: dict[str, str] = {}
    for module in sorted({m for m in modules if not m.startswith(f"{_PACKAGE}.")}):
        path = _file_of(module)
        name = path.stem.removesuffix(_SUFFIX) + _SUFFIX + ".py"
        if name in files or Path(__file__).with_name(name).is_file():
            raise ValueError(f"{path}: another saved file is named {name}; rename this one")
        files[name] = with_relative_imports(path)
    return files


def _file_of(module: str) -> Path:
    loaded: ModuleType | None = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if module == "__main__" or file is None:
        raise ValueError(
            f"module '{module}' registers a kind of task or a loss, but has no file that can be "
            f"saved with the model; move the code to a separate file"
        )
    return Path(file)


def with_relative_imports(path: Path) -> str:
    """Return the text of a file with relative imports, as it is saved with a model.

    Raises:
        ValueError: with the line of an import other than torch, transformers, the standard library
            and the files of this package that `_importable` returns.
    """
    # `ast` counts lines by newlines only, unlike `str.splitlines`.
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    for line, name in _imports("\n".join(lines)):
        package, _, module = name.partition(".")
        if package not in _ALLOWED and not (package == _INSTALLED and module in _importable()):
            raise ValueError(
                f"{path}, line {line}: imports '{name}'; a file that registers a kind of task or a "
                "loss is saved with the model, and may only import torch, transformers, the "
                "standard library and names from these files of modeling_hybrid_mtl: "
                f"{', '.join(_importable())} (such as 'from modeling_hybrid_mtl.heads_hybrid_mtl "
                "import TaskHead')"
            )
        lines[line - 1] = re.sub(rf"\bfrom\s+{_INSTALLED}\.", "from .", lines[line - 1], count=1)
    text = "\n".join(lines)
    for line, name in _imports(text):
        if name.startswith(_INSTALLED):
            raise ValueError(
                f"{path}, line {line}: write 'from {name} import ...' at the beginning of a line, "
                "so that it can be made relative"
            )
    return text


@cache
def _importable() -> tuple[str, ...]:
    """Return the files of this package that do not import the configuration.

    It imports the extensions of a saved model, so the others would import each other in a circle.
    """
    files = sorted(Path(__file__).parent.glob(f"*{_SUFFIX}.py"))
    return tuple(file.stem for file in files if not _needs_configuration(file))


def _needs_configuration(file: Path) -> bool:
    names = (name for _, name in _imports(file.read_text(encoding="utf-8")))
    return file.stem == f"configuration{_SUFFIX}" or any(
        _needs_configuration(file.with_name(f"{name[1:]}.py"))
        for name in names
        if name.startswith(".")
    )


def _imports(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and module of each import, relative imports and package names as written."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                # `import modeling_hybrid_mtl.x` has no relative form.
                is_package = alias.name.split(".")[0] == _INSTALLED
                yield node.lineno, _INSTALLED if is_package else alias.name


def write_extensions(folder: Path, files: dict[str, str]) -> None:
    """Write the files of `extension_files` and a file that imports them into a model folder."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    stems = [name.removesuffix(".py") for name in files]
    imports = "".join(f"from .{stem} import __name__ as {stem}  # noqa: F401\n" for stem in stems)
    text = '"""Imports the extension files of this model."""\n\n'
    (folder / _IMPORTER).write_text(text + imports, encoding="utf-8")
