"""What tests of extensions register is forgotten after each."""

import sys

import pytest

from trainer.config import extensions
from trainer.registry import (
    AGGREGATORS,
    AUGMENTATIONS,
    HEADS,
    LOSSES,
    METRICS,
    REGULARIZERS,
    SAMPLERS,
)


@pytest.fixture(autouse=True)
def forget():
    """Leave nothing registered, and no module, behind."""
    registries = (AGGREGATORS, AUGMENTATIONS, HEADS, LOSSES, METRICS, REGULARIZERS, SAMPLERS)
    kept = [dict(registry.entries) for registry in registries]
    modules = set(sys.modules)
    yield
    for registry, entries in zip(registries, kept, strict=True):
        registry.entries = entries
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    extensions._load_file.cache_clear()
