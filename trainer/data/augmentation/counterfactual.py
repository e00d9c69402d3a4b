"""Counterfactual copies of rows, in which terms for people are replaced by others.

The contrast teaches that the label does not depend on the term (Lu et al. 2018, arXiv:1807.11714).
"""

from dataclasses import dataclass
from functools import cache

from trainer.data.augmentation.methods import Method
from trainer.data.term_swaps import TermSwapper
from trainer.data.terms import read_terms
from trainer.errors import InputError
from trainer.registry import AUGMENTATIONS


@AUGMENTATIONS.register("counterfactual")
@dataclass(frozen=True)
class Counterfactual(Method):
    """Replaces terms for people by other terms of their axis, alike on both sides of a pair.

    Attributes:
        axes: the axes, separated by commas; all if empty.
        terms: a YAML file of axes; those of `hybrid-mtl audit` if empty.
    """

    axes: str = ""
    terms: str = ""

    keeps_meaning = True
    citation = "counterfactual"

    def __post_init__(self):
        if not isinstance(self.axes, str):
            raise InputError(f"axes = {self.axes!r}: expected names, separated by commas")
        _swappers(self.terms, self.axes)

    def __call__(self, columns, rngs, lookup):
        swappers = _swappers(self.terms, self.axes)
        rewritten = {name: list(texts) for name, texts in columns.items()}
        for row, rng in enumerate(rngs):
            for swapper in swappers:
                step = 1 + int(rng.integers(len(swapper) - 1))
                for column in rewritten.values():
                    column[row] = swapper.swap(column[row], step)
        return rewritten


@cache
def _swappers(path: str, axes: str) -> list[TermSwapper]:
    names = [name.strip() for name in axes.split(",") if name.strip()]
    terms = read_terms(path or None).select(names or None)
    return [TermSwapper(forms) for forms in terms.axes.values()]
