"""What runs in the processes of a Ray cluster that predict."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers.utils.logging import disable_progress_bar

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.errors import InputError
from trainer.prediction.chunk_writer import ChunkWriter, chunk_path, rejects_path
from trainer.prediction.fingerprint import model_fingerprint
from trainer.prediction.journal import ChunkRecord
from trainer.prediction.packing import PackedChunk, unpack
from trainer.prediction.plan import Plan
from trainer.prediction.workers import use_threads


@dataclass(frozen=True)
class PredictedChunk:
    """A chunk as the process that started the prediction writes it.

    Attributes:
        record: for the journal.
        rows: the bytes of its file.
        rejects: the bytes of the file of its rejects; None if there are none.
        log: lines of the answer log.
    """

    record: ChunkRecord
    rows: bytes
    rejects: bytes | None
    log: list[str]


class RayWorker:
    """An actor that predicts one chunk after the other.

    Files are written into a folder of this node, and their bytes returned, so that nodes need not
    share the output's folder.

    Args:
        plan: of the prediction.
        open_pipeline: opens the model.
        current: the current folder of the prediction, which relative paths refer to.
    """

    def __init__(self, plan: Plan, open_pipeline: Callable[[], HybridMTLPipeline], current: str):
        self._current, self._open_pipeline = current, open_pipeline
        self._folder = TemporaryDirectory(prefix="hybrid-mtl-")
        self._place = Path(self._folder.name)
        job = plan.job
        self._log = None if job.log is None else self._place / "log.jsonl"
        self._plan = replace(plan, job=replace(job, log=self._log))

    def open(self) -> tuple[str, str]:
        """Open the model; return its fingerprint and the type of its device.

        Raises:
            InputError: naming this node, if the model cannot be opened here.
        """
        disable_progress_bar()  # of the weights
        if Path(self._current).is_dir():  # else only absolute paths and names are found
            os.chdir(self._current)
        try:
            use_threads(self._plan.job.threads)
            pipe = self._open_pipeline()
            self._writer = ChunkWriter(pipe, self._plan, self._place)
        except (ValueError, OSError) as error:
            raise InputError(f"node {socket.gethostname()}: {error}") from error
        return model_fingerprint(pipe), torch.device(pipe.device).type

    def predict(self, packed: PackedChunk) -> PredictedChunk:
        """Predict a chunk.

        Raises:
            InputError: for a bad row that stops.
        """
        try:
            record = self._writer.write(unpack(packed))
        except (ValueError, OSError) as error:
            raise InputError(str(error)) from error
        path = chunk_path(self._place, record.chunk, self._plan.job.output.suffix)
        rows, rejects = _take(path), _take(rejects_path(self._place, record.chunk))
        return PredictedChunk(record, rows or b"", rejects, self._new_lines())

    def close(self) -> None:
        """Delete the temporary files."""
        self._folder.cleanup()

    def _new_lines(self) -> list[str]:
        """Return the lines of the log since the last call."""
        if self._log is None:
            return []
        with self._log.open("r+", encoding="ascii") as file:
            lines = file.read().splitlines()
            file.truncate(0)
        return lines


def _take(path: Path) -> bytes | None:
    """Return the bytes of a file, which is deleted; None if there is none."""
    if not path.is_file():
        return None
    content = path.read_bytes()
    path.unlink()
    return content
