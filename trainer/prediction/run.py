"""The run of a prediction: chunk after chunk, from where an earlier process was interrupted."""

import shutil
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import torch

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.errors import InputError
from trainer.prediction.chunk_writer import ChunkWriter, chunk_path, rejects_path
from trainer.prediction.chunks import Chunk, Division, read_chunks
from trainer.prediction.fingerprint import model_fingerprint
from trainer.prediction.job import PredictionJob
from trainer.prediction.journal import (
    ChunkRecord,
    Journal,
    journal_path,
    open_journal,
    size_of,
)
from trainer.prediction.notes import describe_losses
from trainer.prediction.places import check_places, chunks_folder, rejected_rows
from trainer.prediction.plan import Plan, make_plan
from trainer.prediction.progress import Silent, show_progress
from trainer.prediction.ray_workers import RayWorkers
from trainer.prediction.sources import Source, first_schemas, open_sources, total_rows
from trainer.prediction.workers import OpenPipeline, Workers, use_threads
from trainer.prediction.writers import join_chunks
from trainer.ray_cluster import check_address, import_ray
from trainer.saving.files import UNFINISHED, atomic_file, check_name, check_writable


def predict_files(job: PredictionJob, open_pipeline: OpenPipeline) -> ChunkRecord:
    """Write a model's predictions of some rows, one row per row of the input, in its order.

    Interrupted at any moment, the same job goes on where it was, and ends with the same bytes.

    Args:
        job: the rows, the tasks and the output.
        open_pipeline: opens the model; with several workers or Ray, it is sent to each.

    Returns:
        The counts of all rows.

    Raises:
        InputError: if the rows cannot be read or do not fit the tasks, another job has written to
            the output, or a file cannot be written.
    """
    if job.engine == "ray":  # whose errors would come after the model is open
        import_ray(f"{job.option('engine')} ray")
        check_address(job.address, job.option("address"))
    check_places(job)
    _check_output(job)
    sources = open_sources(job.inputs)
    schemas = first_schemas(sources)
    use_threads(job.threads)
    pipe = open_pipeline()
    plan = make_plan(job, pipe, schemas)
    with open_journal(job.output) as journal:
        run = _Run(plan, sources, pipe, journal)
        del pipe  # of which workers have their own
        run.claim()
        if journal.finished:
            unlogged = "" if job.log is None else "; nothing is added to the log"
            print(f"'{job.output}' is complete already{unlogged}", flush=True)
        else:
            run.predict(open_pipeline)
            run.join()
        print("\n".join(run.notes()), flush=True)
        return journal.totals


def _check_output(job: PredictionJob) -> None:
    """Check that the output may be written; nothing is deleted yet.

    Raises:
        InputError: if it exists, and no journal says that it is a prediction, or is not writable.
    """
    output, option = job.output, job.option("output")
    check_writable(output.parent, option)
    check_name(output, option)
    if output.is_dir():
        others = [path for path in output.iterdir() if not path.match(f"part-*{output.suffix}")]
        if others or job.rows_per_part is None:
            raise InputError(f"{option}: '{output}' is a folder, and not one of parts")
    if output.exists() and not journal_path(output).is_file() and not job.overwrite:
        raise InputError(
            f"'{output}' exists already; choose another path, or replace it with "
            f"{job.option('overwrite')}"
        )


class _Run:
    """A run of a plan, or the rest of one."""

    def __init__(
        self, plan: Plan, sources: list[Source], pipe: HybridMTLPipeline, journal: Journal
    ):
        self._plan, self._job, self._sources = plan, plan.job, sources
        self._pipe, self._journal = pipe, journal
        output = self._job.output
        self._folder, self._rejects = chunks_folder(output), rejected_rows(output)
        self._division = Division(self._job.rows_per_part)
        self._fingerprint = model_fingerprint(pipe)

    def _settings(self) -> dict[str, Any]:
        """Return all that the bytes of the output depend on, as JSON."""
        job = self._job
        read = {name: value for name, value in vars(job.inputs.read).items() if value is not None}
        return {
            "rows": [source.key for source in self._sources],
            "format": read,
            "model": self._fingerprint,
            "device": str(self._pipe.device),
            "tasks": self._plan.tasks,
            "prefixed": job.task is None,
            "texts": self._plan.texts,
            "columns": self._plan.columns,
            "probabilities": job.probabilities,
            # A chunk without bad rows is the same for both.
            "bad rows": "kept" if job.on_error == "null" else "left out",
            "rows_per_part": job.rows_per_part,
            "batch_size": job.batch_size,
            "threads": job.threads,
        }

    def claim(self) -> None:
        """Go on with the recorded chunks of this job, or begin anew.

        Raises:
            InputError: if the output is that of another job.
        """
        job, journal, settings = self._job, self._journal, self._settings()
        change = journal.changed(settings)
        is_over = journal.finished and (job.overwrite or not job.output.exists())
        if change is not None and not job.overwrite:
            raise InputError(
                f"'{job.output}' was begun by another command: {change}; repeat that command, "
                f"choose another output, or begin anew with {job.option('overwrite')}"
            )
        if not job.overwrite:
            self._check_written()
        if not journal.records or change is not None or is_over:
            shutil.rmtree(self._folder, ignore_errors=True)
            journal.start(settings)
        self._forget_lost()
        if job.on_error == "stop" and journal.totals.rejects:
            raise InputError(
                f"{sum(journal.totals.rejects.values())} rows without text are left out already; "
                f"repeat the command with {job.option('on_error')} skip, or begin anew with "
                f"{job.option('overwrite')}"
            )

    def _check_written(self) -> None:
        """Check that an existing output is the one that the journal records.

        Raises:
            InputError: if it is another file.
        """
        output, journal = self._job.output, self._journal
        is_foreign = journal.written is not None and journal.written != size_of(output)
        if output.exists() and (is_foreign or not (journal.finished or journal.joining)):
            raise InputError(
                f"'{output}' is not what this command wrote; remove it, choose another output, or "
                f"replace it with {self._job.option('overwrite')}"
            )

    def _forget_lost(self) -> None:
        """Forget chunks whose files are missing or of another size, and delete unfinished files."""
        if self._journal.finished:
            return
        for number, record in list(self._journal.records.items()):
            path = chunk_path(self._folder, number, self._job.output.suffix)
            if not path.is_file() or path.stat().st_size != record.bytes:
                self._journal.forget(number)
        for path in self._folder.glob(f"{UNFINISHED}*"):
            path.unlink(missing_ok=True)

    def predict(self, open_pipeline: OpenPipeline) -> None:
        """Predict all chunks that are not recorded, and show the progress."""
        done = self._journal.totals.rows
        if done:
            print(f"{done:,} rows are done already; going on", flush=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        shown = self._job.show_progress
        progress = (
            show_progress(total_rows(self._sources), done) if shown else nullcontext(Silent())
        )
        try:
            with (
                progress as bar,
                closing(self._records(open_pipeline)) as records,
            ):
                for record in records:
                    self._journal.add(record)
                    bar.update(record.rows)
        finally:
            if not self._journal.records:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _records(self, open_pipeline: OpenPipeline) -> Generator[ChunkRecord]:
        job = self._job
        if job.workers == 1 and job.engine == "processes":
            writer = ChunkWriter(self._pipe, self._plan, self._folder)
            yield from map(writer.write, self._left())
            return
        device = torch.device(self._pipe.device).type
        del self._pipe  # each worker has its own
        arguments = (self._plan, self._folder, open_pipeline, self._fingerprint)
        on_ray = job.engine == "ray"
        with RayWorkers(*arguments, device) if on_ray else Workers(*arguments) as workers:
            yield from workers.predict(self._left())

    def _left(self) -> Iterator[Chunk]:
        chunks = read_chunks(self._sources, self._division)
        return (chunk for chunk in chunks if chunk.number not in self._journal.records)

    def join(self) -> None:
        """Write the output and the rejects, and delete the chunks."""
        self._journal.begin_joining()
        numbers = sorted(self._journal.records)
        rejects = [rejects_path(self._folder, number) for number in numbers]
        rejects = [path for path in rejects if path.is_file()]
        if rejects:
            with atomic_file(self._rejects) as unfinished, unfinished.open("wb") as file:
                for path in rejects:
                    file.write(path.read_bytes())
        else:
            self._rejects.unlink(missing_ok=True)
        if self._job.rows_per_part is None:
            join_chunks(self._paths(numbers), self._job.output, self._plan.schema)
        else:
            self._join_parts(numbers)
        self._journal.finish(size_of(self._job.output))
        shutil.rmtree(self._folder, ignore_errors=True)

    def _paths(self, numbers: list[int]) -> list[Path]:
        return [chunk_path(self._folder, n, self._job.output.suffix) for n in numbers]

    def _join_parts(self, numbers: list[int]) -> None:
        """Write a folder of parts, which appears when all are complete."""
        output = self._job.output
        parts: dict[int, list[int]] = {}
        for number in numbers:
            parts.setdefault(self._division.part_of(number), []).append(number)
        staged = self._folder / "parts"
        shutil.rmtree(staged, ignore_errors=True)
        for part, chunks in parts.items():
            path = staged / f"part-{part + 1:05d}{output.suffix}"
            join_chunks(self._paths(chunks), path, self._plan.schema)
        if output.is_dir():
            shutil.rmtree(output)
        else:
            output.unlink(missing_ok=True)
        staged.rename(output)

    def notes(self) -> list[str]:
        """Return the counts of truncated rows, words without tags, rejects and written rows."""
        totals, job = self._journal.totals, self._job
        notes = describe_losses(
            totals.rows,
            self._plan.max_length,
            truncated=totals.truncated,
            untagged=totals.untagged,
            rejects=totals.rejects,
            left_out=job.on_error == "skip",
        )
        if totals.rejects:
            notes.append(f"these rows are listed in {self._rejects}")
        kind = "rows" if job.rows_per_part is None else "rows in parts"
        return [*notes, f"{totals.written} {kind} written to {job.output}"]
