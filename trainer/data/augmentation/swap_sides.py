"""Swapping of the two texts of a pair."""

from dataclasses import dataclass

from trainer.data.augmentation.methods import Method
from trainer.registry import AUGMENTATIONS


@AUGMENTATIONS.register("swap_sides")
@dataclass(frozen=True)
class SwapSides(Method):
    """Swaps the two texts of a pair, for labels that do not depend on their order."""

    keeps_meaning = True
    is_random = False

    def __call__(self, columns, rngs, lookup):
        return {"text": columns["text_pair"], "text_pair": columns["text"]}
