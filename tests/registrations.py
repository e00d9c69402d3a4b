"""Registrations and modules of extensions, forgotten after a test."""

import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer import registry
from trainer.config import extensions

REGISTRIES = [value for value in vars(registry).values() if hasattr(value, "entries")]
_ROOT = Path(__file__).parents[1]
_LIBRARIES = [*site.getsitepackages(), *sysconfig.get_paths().values()]


@contextmanager
def forgotten() -> Iterator[None]:
    """Restore every registry, and remove the modules of extensions, at the end.

    Modules of libraries stay: torch's cannot be imported twice in a process.
    """
    entries = [dict(each.entries) for each in REGISTRIES]
    modules = set(sys.modules)
    try:
        yield
    finally:
        for each, kept in zip(REGISTRIES, entries, strict=True):
            each.entries = kept
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None)
            if file and not any(Path(file).is_relative_to(p) for p in (_ROOT, *_LIBRARIES)):
                del sys.modules[name]
        extensions._load_file.cache_clear()
