"""Processes that predict chunks; one that dies is replaced."""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any

from transformers.utils.logging import disable_progress_bar

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.errors import InputError
from trainer.prediction.chunk_writer import ChunkWriter
from trainer.prediction.chunks import Chunk
from trainer.prediction.fingerprint import model_fingerprint
from trainer.prediction.journal import ChunkRecord
from trainer.prediction.packing import pack, unpack
from trainer.prediction.plan import Plan

OpenPipeline = Callable[[], HybridMTLPipeline]
# A chunk that ends so many processes is not tried again.
ATTEMPTS = 3


@dataclass
class _Worker:
    process: Any
    connection: Connection
    chunk: Chunk | None = None
    ready: bool = False


class Workers:
    """Several processes with a model each, that predict chunks in any order.

    Args:
        plan: of the prediction.
        folder: of the chunks' files.
        open_pipeline: opens the model in a process; it and its values are sent there.
        fingerprint: of the model that each must open.
    """

    def __init__(self, plan: Plan, folder: Path, open_pipeline: OpenPipeline, fingerprint: str):
        self._context = multiprocessing.get_context("spawn")
        self._arguments = (plan, folder, open_pipeline)
        self._fingerprint = fingerprint
        self._deaths: Counter[int | None] = Counter()
        self._workers: list[_Worker] = []
        for _ in range(plan.job.workers):
            self._start()

    def _start(self, chunk: Chunk | None = None) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, *self._arguments), daemon=True)
        process.start()
        # Its end of the connection closes with the process.
        theirs.close()
        self._workers.append(_Worker(process, ours, chunk))

    def predict(self, chunks: Iterator[Chunk]) -> Iterator[ChunkRecord]:
        """Yield a record of each chunk when it is written.

        Raises:
            InputError: for a bad row that stops, or if processes keep dying.
        """
        while True:
            for worker in self._workers:
                if worker.ready and worker.chunk is None:
                    worker.chunk = next(chunks, None)
                    self._send(worker)
            waiting = [w for w in self._workers if w.chunk is not None or not w.ready]
            if all(worker.chunk is None and worker.ready for worker in self._workers):
                return
            for connection in wait([worker.connection for worker in waiting]):
                worker = next(w for w in waiting if w.connection is connection)
                record = self._receive(worker)
                if record is not None:
                    yield record

    def _send(self, worker: _Worker) -> None:
        if worker.chunk is None:
            return
        try:
            worker.connection.send(pack(worker.chunk))
        except OSError:  # it has died, as the next `_receive` finds out
            return

    def _receive(self, worker: _Worker) -> ChunkRecord | None:
        """Return the record of a chunk that is done, or None after another event."""
        try:
            kind, value = worker.connection.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return None
        if kind == "error":
            raise InputError(value)
        if kind == "ready":
            if value != self._fingerprint:
                raise InputError("the model has changed since the prediction began; start again")
            worker.ready = True
            self._send(worker)
            return None
        worker.chunk = None
        return value

    def _replace(self, worker: _Worker) -> None:
        """Start another process for the chunk of one that has died."""
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        number = None if worker.chunk is None else worker.chunk.number
        self._deaths[number] += 1
        if self._deaths[number] == ATTEMPTS:
            code = worker.process.exitcode
            reason = f"signal {-code}" if code < 0 else f"exit status {code}"
            raise deaths_error(worker.chunk, reason)
        self._start(worker.chunk)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.connection.close()
            if kind is not None:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join()


def _work(connection: Connection, plan: Plan, folder: Path, open_pipeline: OpenPipeline) -> None:
    """Predict chunks until the connection ends."""
    # The first process decides about an interruption from the keyboard.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    disable_progress_bar()  # of the weights
    try:
        use_threads(plan.job.threads)
        pipe = open_pipeline()
        writer = ChunkWriter(pipe, plan, folder)
        connection.send(("ready", model_fingerprint(pipe)))
        while True:
            connection.send(("done", writer.write(unpack(connection.recv()))))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except (ValueError, OSError) as error:
        connection.send(("error", str(error)))


def deaths_error(chunk: Chunk | None, reason: str) -> InputError:
    """Return the error of rows, or else of a model, that have ended `ATTEMPTS` processes."""
    place = "before the first rows"
    if chunk is not None:
        piece = chunk.pieces[0]
        place = f"at {piece.location}, row {piece.start + 1} and the rows after it"
    return InputError(
        f"{ATTEMPTS} processes have died ({reason}) {place}; if memory is short, use fewer workers "
        "or a smaller batch size, and start again to go on"
    )


def use_threads(count: int | None) -> None:
    """Set the number of threads of this process, also of the tokenizer."""
    if count is None:
        return
    import torch

    torch.set_num_threads(count)
    os.environ["TOKENIZERS_PARALLELISM"] = str(count > 1).lower()
