"""How a worker talks to the benchmark: a line of JSON in, a line of JSON out, one at a time.

Nothing is imported here but the standard library, so that every environment has it.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Message = dict[str, Any]


class Line:
    """The worker's end. Whatever libraries print goes to standard error from here on."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def receive(self) -> Message:
        """The next request; the process ends if there is none."""
        line = sys.stdin.readline()
        if not line:
            raise SystemExit(0)
        return json.loads(line)

    def send(self, answer: Message) -> None:
        self._out.write(json.dumps(answer) + "\n")
        self._out.flush()

    def serve(self, answer: Callable[[Message], Message]) -> None:
        """Answer request after request; the first line says that the worker is ready."""
        self.send({"ready": True})
        while True:
            self.send(answer(self.receive()))


def read_job() -> Message:
    """What the worker shall do, from the JSON file that its command line names."""
    return json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))


def seconds_of(way: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def peak_memory() -> int:
    """The most memory that this process has held since it began, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Pace:
    """Lets a training loop run only while a request asks for cycles.

    Args:
        line: where requests come from.
        counter: counts the tokens; its `take()` gives what was counted since the last call.
        wait: waits until the device has done all that it was given.
    """

    def __init__(self, line: Line, counter: Any, wait: Callable[[], Any] = lambda: None):
        self.line = line
        self.counter = counter
        self.wait = wait
        self._left = 0
        self._asked = 0
        self._losses: list[Any] = []
        self._start = 0.0

    def begin(self) -> None:
        """Say that training could start, and wait until it shall."""
        self.line.send({"ready": True})
        self._wait()

    def note_loss(self, loss: Any) -> None:
        """Keep a scalar tensor, a batch's share of the mean loss of its cycle; it is read later."""
        self._losses.append(loss)

    def end_cycle(self) -> None:
        """Count one cycle; after the last that was asked for, answer and wait."""
        self._left -= 1
        if self._left:
            return
        self.wait()
        seconds = time.perf_counter() - self._start
        losses = [float(loss) for loss in self._losses]
        answer = {
            "cycles": self._asked,
            "seconds": seconds,
            "loss": sum(losses) / self._asked,
            "peak_memory": peak_memory(),
            **self.counter.take(),
        }
        self.line.send(answer)
        self._wait()

    def _wait(self) -> None:
        self._asked = self._left = int(self.line.receive()["cycles"])
        self._losses.clear()
        self.counter.take()
        self.wait()
        self._start = time.perf_counter()
