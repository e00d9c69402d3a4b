"""A limit on the time that a repeated task takes."""

import time
from collections.abc import Callable

SHARE = 0.05


class Throttled:
    """Calls a function, unless its calls would take more than a twentieth of the time.

    Args:
        function: to call.
        clock: returns the time in seconds.
    """

    def __init__(self, function: Callable[[], object], clock: Callable[[], float] = time.monotonic):
        self.function = function
        self.clock = clock
        self._next = 0.0

    def __call__(self) -> None:
        begin = self.clock()
        if begin < self._next:
            return
        self.function()
        end = self.clock()
        self._next = end + (end - begin) * (1 / SHARE - 1)
