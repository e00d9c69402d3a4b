"""The other order of a pair."""

from dataclasses import dataclass

from trainer.data.augmentation.methods import Method


@dataclass(frozen=True)
class SwapSides(Method):
    """Lets the two texts of a pair change places; for labels that hold in either order."""

    keeps_meaning = True
    is_random = False

    def __call__(self, columns, draws, lookup):
        return {"text": columns["text_pair"], "text_pair": columns["text"]}
