"""The protocol between workers and the benchmark: one line of JSON in, one line of JSON out.

This module imports only the standard library, so it works in every environment.
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
    """The worker's end. Redirects the output of libraries to standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def receive(self) -> Message:
        """Return the next request; end the process if there is none."""
        line = sys.stdin.readline()
        if not line:
            raise SystemExit(0)
        return json.loads(line)

    def send(self, answer: Message) -> None:
        self._out.write(json.dumps(answer) + "\n")
        self._out.flush()

    def serve(self, answer: Callable[[Message], Message]) -> None:
        """Reply to request after request; the first line reports that the worker is ready."""
        self.send({"ready": True})
        while True:
            self.send(answer(self.receive()))


def read_job() -> Message:
    """Return the worker's job, from the JSON file on its command line."""
    return json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))


def seconds_of(way: Callable[[], Any]) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def peak_memory() -> int:
    """Return the peak memory of this process, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Pace:
    """Runs a training loop only for the requested cycles.

    Args:
        line: the source of the requests.
        counter: counts the tokens; its `take()` returns the counts since the last call.
        wait: waits for all work of the device.
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
        """Report that training is ready, and wait for the first request."""
        self.line.send({"ready": True})
        self._wait()

    def note_loss(self, loss: Any) -> None:
        """Store a scalar tensor, a batch's share of its cycle's mean loss, to be read later."""
        self._losses.append(loss)

    def end_cycle(self) -> None:
        """Count one cycle; after the last requested one, reply and wait."""
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
