"""Workers of a Ray cluster that train segments."""

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.errors import InputError
from trainer.ray_cluster import gpu_share, import_ray, last_line, start_ray
from trainer.search.executor import STOPPED
from trainer.search.ray_worker import RayWorker, stop_process
from trainer.search.trials import Result

_OPTIONS = {"address": "address", "workers": "parallel", "threads": "threads"}


@dataclass(eq=False)
class _Worker:
    actor: Any
    place: tuple[str, int] | None = None  # its node and process, once it has started


class RayExecutor:
    """Ray actors that stay, so that only the first segments wait for imports.

    A segment begins in the first worker that is ready, so that it does not wait for one for which
    the cluster has no room any more. A worker that fails is replaced.

    Args:
        target: called in a worker with each request; returns a `Result`, or None if a signal
            stopped it.
        parallel: segments at once. GPUs of the cluster are divided among them.
        threads: of each worker.
        address: of a running cluster, `HOST:PORT` or `auto`; None starts Ray on this machine.
        witness: a file by which workers check that they see the study's folder.

    Raises:
        InputError: if Ray is not installed or not found at the address, or has too few CPUs.
    """

    def __init__(
        self,
        target: Callable[[Any], Result | None],
        parallel: int,
        threads: int,
        address: str | None,
        witness: Path,
    ):
        self._ray: Any = import_ray("engine = ray")
        start_ray(self._ray, address, parallel, threads, _OPTIONS)
        gpus = gpu_share(self._ray, parallel)
        actor_class = self._ray.remote(num_cpus=threads, num_gpus=gpus)(RayWorker)
        witness = witness.resolve()
        first_line = witness.read_text(encoding="utf-8").partition("\n")[0]
        self._new_actor = lambda: actor_class.remote(target, os.getcwd(), str(witness), first_line)
        self._waiting: deque[tuple[Any, Any]] = deque()  # keys and requests
        self._idle: list[_Worker] = []
        self._called: dict[Future, _Worker] = {}  # for a request, and have not answered yet
        self._busy: dict[Future, tuple[Any, _Worker]] = {}

    def submit(self, key: Any, request: Any) -> None:
        self._waiting.append((key, request))
        self._call()

    def wait(self) -> tuple[Any, Result]:
        while True:
            # A wait inside of Ray would swallow what signal handlers raise.
            ended, _ = wait([*self._called, *self._busy], return_when=FIRST_COMPLETED)
            future = ended.pop()
            if future in self._busy:
                return self._end(future)
            self._begin(self._called.pop(future), future)

    def interrupt(self) -> None:
        affinity = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        stop = self._ray.remote(num_cpus=0)(stop_process)
        for _, worker in self._busy.values():
            assert worker.place is not None
            node, process = worker.place
            stop.options(scheduling_strategy=affinity(node, soft=False)).remote(process)
        wait(self._busy)

    def close(self) -> None:
        workers = [
            *self._idle,
            *self._called.values(),
            *(worker for _, worker in self._busy.values()),
        ]
        for worker in workers:
            self._ray.kill(worker.actor)
        self._idle, self._called, self._busy = [], {}, {}
        self._ray.shutdown()

    def _call(self) -> None:
        """Call an idle worker, or a new one, for the requests that wait."""
        worker = self._idle.pop() if self._idle else _Worker(self._new_actor())
        self._called[worker.actor.place.remote().future()] = worker

    def _begin(self, worker: _Worker, answer: Future) -> None:
        try:
            place = answer.result()
        except self._ray.exceptions.RayError as error:
            if worker.place is None:
                raise InputError(f"a worker did not start: {last_line(error)}") from error
            if self._waiting:
                self._call()  # it died while it was idle
            return
        worker.place = place
        if not self._waiting:
            self._idle.append(worker)
            return
        key, request = self._waiting.popleft()
        self._busy[worker.actor.run.remote(request).future()] = key, worker

    def _end(self, future: Future) -> tuple[Any, Result]:
        key, worker = self._busy.pop(future)
        try:
            result = future.result()
        except self._ray.exceptions.RayError as error:
            result = Result(None, error=_cause_of_death(error), died=True)
        if result is None:
            result = Result(None, error=STOPPED, died=True)
        if result.error is not None:
            self._ray.kill(worker.actor)  # nothing of a failed segment stays in memory
            return key, result
        self._idle.append(worker)
        if self._waiting:
            self._call()  # the worker called for it may never start, if the cluster has shrunk
        return key, result


def _cause_of_death(error: Exception) -> str:
    line = last_line(error)
    if "connection error code 2" in line:
        return "the process was killed or crashed, maybe since memory ran out"
    return f"the worker failed: {line}"
