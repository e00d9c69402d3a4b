"""Processes of a Ray cluster that predict chunks; one that dies is replaced."""

import json
import os
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from types import TracebackType
from typing import Any

from trainer.errors import InputError
from trainer.prediction.answer_log import AnswerLog
from trainer.prediction.chunk_writer import chunk_path, rejects_path
from trainer.prediction.chunks import Chunk
from trainer.prediction.journal import ChunkRecord
from trainer.prediction.packing import pack
from trainer.prediction.plan import Plan
from trainer.prediction.ray_worker import PredictedChunk, RayWorker
from trainer.prediction.workers import ATTEMPTS, OpenPipeline, deaths_error
from trainer.ray_cluster import gpu_share, import_ray, last_line, start_ray
from trainer.saving.files import atomic_file


class RayWorkers:
    """Actors of a Ray cluster with a model each, that predict chunks in any order.

    Actors and not Ray Data, whose blocks are not the chunks of the journal: a killed run would
    begin anew, the bytes would not be those of another engine, and rows that end their process
    would be tried for ever.

    Each actor has one chunk at a time, and this process writes what it returns.

    Args:
        plan: of the prediction.
        folder: of the chunks' files.
        open_pipeline: opens the model in an actor; it and its values are sent there.
        fingerprint: of the model that each must open.
        device: the type of device on which each must compute.

    Raises:
        InputError: if Ray is not installed or not found at the address, or has too few CPUs.
    """

    def __init__(
        self, plan: Plan, folder: Path, open_pipeline: OpenPipeline, fingerprint: str, device: str
    ):
        job = plan.job
        self._folder, self._suffix = folder, job.output.suffix
        self._model = fingerprint, device
        self._log = None if job.log is None else AnswerLog(job.log)
        self._device_option = job.option("device")
        self._ray: Any = import_ray(job.option("engine"))
        threads = job.threads or 1
        options = {name: job.option(name) for name in ("address", "workers", "threads")}
        start_ray(self._ray, job.address, job.workers, threads, options)
        gpus = gpu_share(self._ray, job.workers) if device == "cuda" else 0
        actor_class = self._ray.remote(num_cpus=threads, num_gpus=gpus)(RayWorker)
        # Sent once, not with each actor.
        arguments = [self._ray.put(plan), self._ray.put(open_pipeline), os.getcwd()]
        self._new_actor = lambda: actor_class.remote(*arguments)
        self._deaths: Counter[int | None] = Counter()
        self._again: deque[Chunk] = deque()  # of actors that have died
        self._actors: list[Any] = []  # those that run
        self._opening: dict[Future, Any] = {}
        self._idle: list[Any] = []
        self._busy: dict[Future, tuple[Any, Chunk]] = {}
        for _ in range(job.workers):
            self._start()

    def _start(self) -> None:
        actor = self._new_actor()
        self._actors.append(actor)
        self._opening[actor.open.remote().future()] = actor

    def predict(self, chunks: Iterator[Chunk]) -> Iterator[ChunkRecord]:
        """Yield a record of each chunk when it is written.

        Raises:
            InputError: for a bad row that stops, or if processes keep dying.
        """
        following = next(chunks, None)
        while following is not None or self._again or self._busy:
            while self._idle and (self._again or following is not None):
                if self._again:
                    self._send(self._again.popleft())
                elif following is not None:
                    self._send(following)
                    following = next(chunks, None)
            # A wait inside of Ray would swallow what signal handlers raise.
            ended, _ = wait([*self._opening, *self._busy], return_when=FIRST_COMPLETED)
            for future in ended:
                if future in self._opening:
                    self._opened(self._opening.pop(future), future)
                    continue
                record = self._received(*self._busy.pop(future), future)
                if record is not None:
                    yield record

    def _send(self, chunk: Chunk) -> None:
        actor = self._idle.pop()
        self._busy[actor.predict.remote(pack(chunk)).future()] = actor, chunk

    def _opened(self, actor: Any, answer: Future) -> None:
        try:
            model = answer.result()
        except self._ray.exceptions.RayError as error:
            self._replace(actor, None, error)
            return
        if model[1] != self._model[1]:
            raise InputError(
                f"a worker computes on {model[1]}, and this process on {self._model[1]}, whose "
                f"digits differ; choose one with {self._device_option}"
            )
        if model != self._model:
            raise InputError(
                "the model has changed since the prediction began, or a node has another one at "
                "its place; start again"
            )
        self._idle.append(actor)

    def _received(self, actor: Any, chunk: Chunk, answer: Future) -> ChunkRecord | None:
        """Return the record of a chunk that is written, or None if its actor has died."""
        try:
            predicted = answer.result()
        except self._ray.exceptions.RayError as error:
            self._replace(actor, chunk, error)
            return None
        self._idle.append(actor)
        self._write(predicted)
        return predicted.record

    def _write(self, predicted: PredictedChunk) -> None:
        number = predicted.record.chunk
        if self._log is not None:
            self._log.write(map(json.loads, predicted.log))
        if predicted.rejects is not None:
            with atomic_file(rejects_path(self._folder, number)) as unfinished:
                unfinished.write_bytes(predicted.rejects)
        path = chunk_path(self._folder, number, self._suffix)
        with atomic_file(path) as unfinished:
            unfinished.write_bytes(predicted.rows)

    def _replace(self, actor: Any, chunk: Chunk | None, error: Exception) -> None:
        """Start another actor in place of one that has died; its chunk goes to the next one."""
        cause = getattr(error, "cause", None)
        if isinstance(cause, InputError):
            raise InputError(str(cause)) from None
        self._actors.remove(actor)
        self._ray.kill(actor)
        number = None if chunk is None else chunk.number
        self._deaths[number] += 1
        if self._deaths[number] == ATTEMPTS:
            raise deaths_error(chunk, last_line(error).rstrip(".")) from error
        if chunk is not None:
            self._again.append(chunk)
        self._start()

    def __enter__(self) -> "RayWorkers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        self._ray.shutdown()
        if self._log is not None:
            self._log.close()
