"""Prediction of a chunk of rows into a file of its own."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.prediction.chunks import Chunk
from trainer.prediction.journal import ChunkRecord
from trainer.prediction.plan import Plan, make_tables
from trainer.prediction.writers import write_chunk
from trainer.saving.files import write_text


def chunk_path(folder: Path, number: int, suffix: str) -> Path:
    """Return the file of a chunk's rows."""
    return folder / f"chunk-{number:08d}{suffix}"


def rejects_path(folder: Path, number: int) -> Path:
    """Return the file of a chunk's rows without predictions, one JSON object per line."""
    return folder / f"rejects-{number:08d}.jsonl"


class ChunkWriter:
    """Writes the predictions of chunks.

    Args:
        pipe: the model's pipeline.
        plan: of the prediction.
        folder: of the chunks' files.
    """

    def __init__(self, pipe: HybridMTLPipeline, plan: Plan, folder: Path):
        self._tables = make_tables(plan.job, pipe, plan.tasks, plan.texts)
        self._plan, self._folder = plan, folder

    def write(self, chunk: Chunk) -> ChunkRecord:
        """Write a chunk's rows and, if there are any, its rejects.

        Raises:
            InputError: for a bad row that stops, or if a file cannot be written.
        """
        predictor = self._tables.predictor
        predictor.truncated = predictor.untagged = 0
        tables, rejects = self._tables.predict(chunk.pieces, self._plan.columns)
        if rejects:
            lines = [json.dumps(asdict(reject), ensure_ascii=False) + "\n" for reject in rejects]
            write_text(rejects_path(self._folder, chunk.number), "".join(lines))
        path = chunk_path(self._folder, chunk.number, self._plan.job.output.suffix)
        write_chunk(path, tables, self._plan.schema)
        return ChunkRecord(
            chunk=chunk.number,
            rows=chunk.rows,
            written=sum(map(len, tables)),
            bytes=path.stat().st_size,
            rejects=dict(Counter(reject.summary for reject in rejects)),
            truncated=predictor.truncated,
            untagged=predictor.untagged,
        )
