"""The mean cosines between the tasks' gradients, of all layers together and of each."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from torch import Tensor

from trainer.objective.aggregators import cosines

# In names of parameters, as in `encoder.layer.3.attention`.
_LAYER = re.compile(r"\b(?:layers?|blocks?|h)\.(\d+)\.")
# Tasks, and the layers, in the order of the cosines; the empty name is of all together.
_Key = tuple[tuple[str, ...], tuple[str, ...]]


def layer_of(name: str) -> str:
    """Return the layer of an encoder's parameter: `layer_0` and so on, `embeddings` or `others`."""
    found = _LAYER.search(name)
    if found:
        return f"layer_{found.group(1)}"
    return "embeddings" if "embedding" in name else "others"


class CosineLog:
    """Sums of cosines over the steps of a logging period, on their device."""

    def __init__(self) -> None:
        self._sums: dict[_Key, Tensor] = {}
        self._steps: Counter[_Key] = Counter()

    def add(self, tasks: Sequence[str], layers: Sequence[str], gramians: Tensor) -> None:
        """Add a step.

        Args:
            tasks: K names.
            layers: L names; the empty one is of all parameters.
            gramians: inner products of the tasks' gradients on each layer, (L, K, K).
        """
        key = tuple(tasks), tuple(layers)
        values = cosines(gramians)
        self._sums[key] = self._sums[key] + values if key in self._sums else values
        self._steps[key] += 1

    def pop(self) -> dict[str, float]:
        """Return `gradient_cosine/<task>/<task>` -> the mean since the last call.

        Those of a layer have its name at the end, such as `/layer_3`. The device is read once for
        each set of tasks.
        """
        sums: Counter[str] = Counter()
        steps: Counter[str] = Counter()
        for (tasks, layers), total in self._sums.items():
            for layer, values in zip(layers, total.tolist(), strict=True):
                for i, j in combinations(range(len(tasks)), 2):
                    end = f"/{layer}" if layer else ""
                    name = f"gradient_cosine/{tasks[i]}/{tasks[j]}{end}"
                    sums[name] += values[i][j]
                    steps[name] += self._steps[tasks, layers]
        self._sums, self._steps = {}, Counter()
        return {name: total / steps[name] for name, total in sums.items()}
