"""Processes on this machine that train segments."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from trainer.ray_cluster import THREAD_VARIABLES
from trainer.search.trials import Result

# Imported once by the server from which the workers are forked.
PRELOADED = ("trainer.search.worker",)
# Why a segment failed whose worker alone got a signal.
STOPPED = "the process was stopped by a signal"


class Executor(Protocol):
    """Trains segments, several at once."""

    def submit(self, key: Any, request: Any) -> None:
        """Begin a segment; not more of them than there are slots."""
        ...

    def wait(self) -> tuple[Any, Result]:
        """Wait for a segment to end; return its key and its result."""
        ...

    def interrupt(self) -> None:
        """Let running segments save a checkpoint and stop; their results are lost."""
        ...

    def close(self) -> None:
        """End all workers; running segments are killed."""
        ...


@dataclass
class _Worker:
    process: Any
    connection: Connection
    alive: Connection  # closed when this process ends, whatever ends it
    key: Any = None


class ProcessExecutor:
    """Worker processes that stay, so that only the first segment waits for imports.

    A worker that fails is replaced: nothing of a failed segment stays in memory.

    Args:
        target: called in a worker with each request; returns a `Result`, or None if a signal
            stopped it.
        threads: of each worker.
        preload: modules to import before workers are forked.
    """

    def __init__(
        self,
        target: Callable[[Any], Result | None],
        threads: int = 1,
        preload: tuple[str, ...] = PRELOADED,
    ):
        self.target = target
        # The server inherits them, before it imports torch.
        for name in THREAD_VARIABLES:
            os.environ[name] = str(threads)
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(preload))
        self._idle: list[_Worker] = []
        self._busy: dict[Any, _Worker] = {}

    def submit(self, key: Any, request: Any) -> None:
        worker = self._take_idle(request) or self._start(request)
        worker.key = key
        self._busy[key] = worker

    def wait(self) -> tuple[Any, Result]:
        waiting: dict[Any, _Worker] = {}
        for worker in self._busy.values():
            waiting |= {worker.connection: worker, worker.process.sentinel: worker}
        ready = waiting[wait(list(waiting))[0]]
        key = ready.key
        del self._busy[key]
        try:
            result = ready.connection.recv() if ready.connection.poll() else None
        except (EOFError, ConnectionResetError):
            result = None
        if result is not None and result.error is None:
            self._idle.append(ready)
            return key, result
        self._end(ready)  # nothing of a failed segment stays in memory
        if result is None:
            result = Result(None, error=_cause_of_death(ready.process.exitcode), died=True)
        return key, result

    def interrupt(self) -> None:
        for worker in self._busy.values():
            if worker.process.is_alive():
                os.kill(worker.process.pid, signal.SIGTERM)
        for worker in self._busy.values():
            worker.process.join()

    def close(self) -> None:
        for worker in self._busy.values():
            worker.process.kill()
        for worker in [*self._idle, *self._busy.values()]:
            self._end(worker)
        self._idle, self._busy = [], {}

    def _take_idle(self, request: Any) -> _Worker | None:
        """Send a request to an idle worker; return it, or None if none is alive."""
        while self._idle:
            worker = self._idle.pop()
            try:
                worker.connection.send(request)
                return worker
            except OSError:  # the system may have killed it meanwhile
                self._end(worker)
        return None

    def _start(self, request: Any) -> _Worker:
        ours, theirs = self._context.Pipe()
        listening, alive = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_serve, args=(self.target, theirs, listening))
        process.start()
        theirs.close()
        listening.close()
        ours.send(request)
        return _Worker(process, ours, alive)

    def _end(self, worker: _Worker) -> None:
        """Let a worker end that has no segment, or none any more."""
        worker.connection.close()
        worker.process.join()
        worker.alive.close()  # only now: it would be killed, and could not release what it holds


def _serve(
    target: Callable[[Any], Result | None], connection: Connection, alive: Connection
) -> None:
    """Answer requests until the other end is closed."""
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
    while True:
        try:
            result = target(connection.recv())
        except (EOFError, KeyboardInterrupt):
            return
        if result is None:
            return
        connection.send(result)


def _end_with(alive: Connection) -> None:
    """End this process at once when the other end is closed: its search was killed."""
    try:
        alive.recv()
    except EOFError:
        os.kill(os.getpid(), signal.SIGKILL)


def _cause_of_death(status: int | None) -> str:
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        memory = ", which the system sends if memory runs out" if name == "SIGKILL" else ""
        return f"the process was killed by {name}{memory}"
    if status == 0:
        return STOPPED
    return f"the process ended with status {status}"
