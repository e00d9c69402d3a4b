"""Search methods: what a search trains next, given its results so far."""

# Imported because they register their methods.
from trainer.search.methods import asha, fixed, gpbt, pbt, schedule, tpe  # noqa: F401
from trainer.search.methods.registry import METHODS
from trainer.search.methods.settings import make_method

__all__ = ["METHODS", "make_method"]
