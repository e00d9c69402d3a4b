"""The mean cosines between the tasks' gradients, of all layers together and of each."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import torch
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
    """Sums of cosines over the steps of a logging period, on their device.

    Steps with values that are not finite, which a device skips by itself, are left out.

    Args:
        order: the tasks, in the order of their names in a pair; others follow as they come.
    """

    # Sets of tasks after which the device is read before the next log, so that sums stay few.
    MOST_KEYS = 64

    def __init__(self, order: Sequence[str] = ()) -> None:
        self._places = {task: place for place, task in enumerate(order)}
        # The sums of the cosines, and of the steps that had them, (2, L, K, K).
        self._sums: dict[_Key, Tensor] = {}
        self._totals: Counter[str] = Counter()
        self._steps: Counter[str] = Counter()

    def add(self, tasks: Sequence[str], layers: Sequence[str], gramians: Tensor) -> None:
        """Add a step.

        Args:
            tasks: K names.
            layers: L names; the empty one is of all parameters.
            gramians: inner products of the tasks' gradients on each layer, (L, K, K).
        """
        for task in tasks:
            self._places.setdefault(task, len(self._places))
        key = tuple(tasks), tuple(layers)
        values = cosines(gramians)
        found = values.isfinite()
        step = torch.stack([values.where(found, 0.0), found.to(values.dtype)])
        self._sums[key] = self._sums[key] + step if key in self._sums else step
        if len(self._sums) > self.MOST_KEYS:
            self._read()

    def pop(self) -> dict[str, float]:
        """Return `gradient_cosine/<task>/<task>` -> the mean since the last call.

        Those of a layer have its name at the end, such as `/layer_3`. The device is read once for
        each set of tasks.
        """
        self._read()
        means = {n: total / self._steps[n] for n, total in self._totals.items() if self._steps[n]}
        self._totals, self._steps = Counter(), Counter()
        return means

    def _read(self) -> None:
        """Add the sums on the device to the totals of each pair."""
        for (tasks, layers), sums in self._sums.items():
            order = sorted(range(len(tasks)), key=lambda i: self._places[tasks[i]])
            for layer, values, steps in zip(layers, *sums.tolist(), strict=True):
                end = f"/{layer}" if layer else ""
                for i, j in combinations(order, 2):
                    name = f"gradient_cosine/{tasks[i]}/{tasks[j]}{end}"
                    self._totals[name] += values[i][j]
                    self._steps[name] += steps[i][j]
        self._sums = {}
