"""Search methods: what a search trains next, given its results so far."""

from trainer.search.methods.fixed import __name__ as _fixed  # noqa: F401 (registers)
from trainer.search.methods.registry import METHODS

__all__ = ["METHODS"]
