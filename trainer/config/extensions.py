"""Extensions: a user's files or modules that register aggregators, heads and more."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from modeling_hybrid_mtl.extension_files_hybrid_mtl import saved_files
from trainer.config.registered_entries import check_registered
from trainer.errors import InputError
from trainer.registry import HEADS, LOSSES

GROUP = "hybrid_mtl.extensions"


def load_extensions(named: Any, folder: Path | None = None) -> list[str]:
    """Load what installed packages and a run's `extensions` register, each once per process.

    Args:
        named: files (ending in .py) or importable modules.
        folder: where files are looked for before the current folder, such as a configuration's.

    Returns:
        The names, files as absolute paths, so that they can be loaded from anywhere.

    Raises:
        InputError: if one is missing or fails, naming its file and line.
    """
    _load_entry_points()
    named = [] if named is None else [named] if isinstance(named, str) else named
    if not isinstance(named, (list, tuple)) or not all(isinstance(n, str) for n in named):
        raise InputError(f"extensions = {named!r}: must be a list of files or modules")
    folders = [folder, Path.cwd()] if folder else [Path.cwd()]
    paths = [_load(name, folders) for name in named]
    check_registered()
    _check_heads_travel()
    return paths


def _check_heads_travel() -> None:
    """Check, before anything is trained, that heads and losses can be saved with a model."""
    try:
        saved_files(e.module for registry in (HEADS, LOSSES) for e in registry.entries.values())
    except ValueError as error:
        raise InputError(f"extensions: {error}") from error


def _load(name: str, folders: Sequence[Path]) -> str:
    if not name.endswith(".py"):
        _run(name, lambda: importlib.import_module(name))
        return name
    places = [(folder / Path(name).expanduser()).resolve() for folder in folders]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        tried = " or ".join(dict.fromkeys(f"'{place}'" for place in places))
        raise InputError(f"extensions: there is no file '{name}': looked for {tried}")
    _load_file(path)
    return str(path)


@cache
def _load_file(path: Path) -> None:
    """Import a file as the module of its name."""
    name = path.stem
    if not name.isidentifier():
        raise InputError(f"extensions: '{path}': its name is not a Python module's name")
    existing: Any = sys.modules.get(name) or importlib.util.find_spec(name)
    file = getattr(existing, "__file__", None) or getattr(existing, "origin", None)
    if existing is not None and (file is None or Path(file).resolve() != path):
        raise InputError(f"extensions: '{path}': a module '{name}' exists already; rename the file")
    if name in sys.modules:  # this very file was imported
        return
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # of a file that ends in .py
    module = importlib.util.module_from_spec(spec)
    # Pickle looks its classes up under this name.
    sys.modules[name] = module
    try:
        _run(str(path), lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
    except InputError:
        del sys.modules[name]
        raise


@cache
def _load_entry_points() -> None:
    for point in entry_points(group=GROUP):
        package = point.dist.name if point.dist else "an installed package"
        _run(f"entry point '{point.name}' of {package}", point.load)


def _run(source: str, load: Callable[[], Any]) -> None:
    """Run an extension's code.

    Raises:
        InputError: if it fails, naming the line.
    """
    try:
        load()
    except (Exception, SystemExit) as error:  # any code may raise anything
        line = _line_of(error, source).removeprefix(f", {source}")
        place = f"{source}{line}: "
        # A registration's error has the place, too.
        reason = _reason(error).removeprefix(place)
        raise InputError(f"extensions: {place}{reason}") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    return f"{type(error).__name__}: {error}"


def _line_of(error: BaseException, source: str) -> str:
    """Return `, FILE, line N` of the user's code that failed, or an empty string.

    The line is the last one in the file `source` that ran, or else in any file of others.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f", {error.filename}, line {error.lineno}"
    own = Path(__file__).parents[2]
    frames = traceback.extract_tb(error.__traceback__)[::-1]
    for frame in [f for f in frames if f.filename == source] or frames:
        file = Path(frame.filename)
        inside = any(own / part in file.parents for part in ("trainer", "modeling_hybrid_mtl"))
        if file.is_file() and not inside and "importlib" not in file.parts:
            return f", {file}, line {frame.lineno}"
    return ""
