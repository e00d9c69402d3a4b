"""What runs in the processes of a Ray cluster that predict."""

import os
import shutil
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import gettempdir
from typing import TextIO

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
    share the output's folder. It is there only while a chunk is written: actors are killed.

    Args:
        plan: of the prediction.
        open_pipeline: opens the model.
        current: the current folder of the prediction, which relative paths refer to.
    """

    def __init__(self, plan: Plan, open_pipeline: Callable[[], HybridMTLPipeline], current: str):
        self._current, self._open_pipeline = current, open_pipeline
        self._place = Path(gettempdir()) / f"hybrid-mtl-{uuid.uuid4().hex}"
        self._lines: TextIO | None = None
        log = None if plan.job.log is None else self._place / "log.jsonl"
        self._plan = replace(plan, job=replace(plan.job, log=log))

    def open(self) -> tuple[str, str]:
        """Open the model; return its fingerprint and the type of its device.

        Raises:
            InputError: naming this node, if the model cannot be opened here.
        """
        os.umask(0o077)  # the files are no others' business
        disable_progress_bar()  # of the weights
        if Path(self._current).is_dir():  # else only absolute paths and names are found
            os.chdir(self._current)
        try:
            use_threads(self._plan.job.threads)
            pipe = self._open_pipeline()
            self._writer = ChunkWriter(pipe, self._plan, self._place)
            self._open_log()
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
        finally:
            files = _take(self._place)
        rows = files.pop(chunk_path(self._place, record.chunk, self._plan.job.output.suffix).name)
        rejects = files.pop(rejects_path(self._place, record.chunk).name, None)
        return PredictedChunk(record, rows, rejects, self._new_lines())

    def _open_log(self) -> None:
        """Open the log for reading, and delete its name: the writer has it open."""
        log = self._plan.job.log
        if log is not None:
            self._lines = log.open("r+", encoding="ascii")
            _take(self._place)

    def _new_lines(self) -> list[str]:
        """Return the lines of the log since the last call."""
        if self._lines is None:
            return []
        self._lines.seek(0)
        lines = self._lines.read().splitlines()
        self._lines.truncate(0)
        return lines


def _take(folder: Path) -> dict[str, bytes]:
    """Return name -> bytes of the files of a folder, which is deleted."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
    shutil.rmtree(folder, ignore_errors=True)
    return files
