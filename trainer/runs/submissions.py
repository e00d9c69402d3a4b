"""Submissions: the final model's predictions for the tasks' test rows, in prescribed columns."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from datasets.utils import tqdm

from trainer.config.settings import Settings
from trainer.config.tasks import DEFAULT_TASKS, TaskEntry
from trainer.data.raw_rows import TEXT_COLUMNS
from trainer.data.readers import RawSplit
from trainer.data.sources import load_split
from trainer.data.task_locations import has_test_rows
from trainer.errors import InputError, join_truncated
from trainer.prediction.answers import create_answer
from trainer.prediction.chunks import CHUNK
from trainer.prediction.notes import describe_losses
from trainer.prediction.predictor import REASON, Predictor, find_problem
from trainer.prediction.tables import Piece, PredictionTables, check_columns
from trainer.prediction.writers import open_writer
from trainer.runs.trained_pipeline import trained_pipeline
from trainer.saving.run_folder import SUBMISSIONS
from trainer.training.hybrid_trainer import HybridMTLTrainer


@dataclass(frozen=True)
class Submission:
    """The test rows of a task, and the columns to write.

    Attributes:
        raw: the rows as loaded; labels are not read.
        texts: `text` and, for pairs, `text_pair` -> column of the rows.
        columns: column of the rows or of the predictions -> its name in the file.
        drops_bad_rows: whether rows with an empty text are written without predictions.
    """

    raw: RawSplit
    texts: dict[str, str]
    columns: dict[str, str]
    drops_bad_rows: bool

    def raise_for(self, index: int, reason: str) -> None:
        """Refuse a row.

        Raises:
            InputError: naming its file, number and column.
        """
        raise InputError(
            f"{self.raw.place(index)}: {reason}; fix the row, or set bad_rows: drop for this task "
            "to write such rows without predictions"
        )

    def pieces(self) -> Iterator[Piece]:
        """Yield the rows, some at a time."""
        rows = self.raw.rows.with_format("arrow")
        for start in range(0, len(rows), CHUNK):
            yield Piece(self.raw.location, start, rows[start : start + CHUNK])


def read_submissions(settings: Settings) -> dict[str, Submission]:
    """Return the test rows of each task with a `submission`, checked before training.

    Raises:
        InputError: naming the task, or the file, row and column that is wrong.
    """
    return {
        name: _read(name, entry, entry.source.submission, settings.run.data_dir)
        for name, entry in settings.tasks.items()
        if entry.source.submission is not None
    }


def _read(name: str, entry: TaskEntry, columns: dict[str, str], data_dir: str | None) -> Submission:
    source, default = entry.source, DEFAULT_TASKS.get(name, {}).get("dataset")
    if not has_test_rows(name, source, data_dir, default):
        raise InputError(
            f"task '{name}': submission = {columns}: there are no test rows to predict; name them "
            f"with --tasks.{name}.test_file, or unset it"
        )
    raw = load_split(name, source, "test", data_dir, default)
    texts = {key: str(source.columns.get(key, key)) for key in TEXT_COLUMNS[entry.model.input]}
    for key, column in texts.items():
        if column not in raw.rows.column_names:
            raise InputError(
                f"{raw.location}: there is no column '{column}' (found: "
                f"{join_truncated(raw.rows.column_names)}); map it with "
                f"--tasks.{name}.columns.{key}"
            )
    submission = Submission(raw, texts, columns, source.bad_rows == "drop")
    predicted = [*create_answer(entry.model, probabilities=True).types]
    if submission.drops_bad_rows:
        predicted.append(REASON)
    try:
        check_columns(columns, predicted, raw.rows.column_names)
    except InputError as error:
        raise InputError(f"task '{name}': submission: {error}") from error
    if not submission.drops_bad_rows:
        _check_texts(submission, entry.model.reads_words)
    return submission


def _check_texts(submission: Submission, reads_words: bool) -> None:
    rows, texts = submission.raw.rows.with_format(None), submission.texts
    for index, cells in enumerate(zip(*(rows[name][:] for name in texts.values()), strict=True)):
        problem = find_problem(dict(zip(texts, cells, strict=True)), reads_words)
        if problem is not None:
            name, reason = problem
            submission.raise_for(index, f"column '{texts[name]}' {reason}")


def write_submissions(
    submissions: Mapping[str, Submission], trainer: HybridMTLTrainer, folder: Path
) -> None:
    """Write `submissions/<task>.csv`, one row per test row, in their order.

    Args:
        submissions: of each task.
        trainer: the trainer, after training.
        folder: the run's.
    """
    if not submissions:
        return
    pipe, args = trained_pipeline(trainer), trainer.args
    for name, submission in submissions.items():
        predictor = Predictor(
            pipe,
            [name],
            prefixed=False,
            probabilities=True,
            batch_size=args.per_device_eval_batch_size,
        )
        # Bad rows that are refused were found before training.
        tables = PredictionTables(
            predictor, submission.texts, "null" if submission.drops_bad_rows else "stop"
        )
        path = folder / SUBMISSIONS / f"{name}.csv"
        _write(path, submission, tables, show_progress=not args.disable_tqdm)


def _write(
    path: Path, submission: Submission, tables: PredictionTables, *, show_progress: bool
) -> None:
    rows = submission.raw.rows
    schema = tables.schema(submission.columns, rows.features.arrow_schema)
    rejects: Counter[str] = Counter()
    with (
        open_writer(path, schema) as write,
        tqdm(total=len(rows), unit=" rows", disable=not show_progress) as bar,
    ):
        for piece in submission.pieces():
            (table,), rejected = tables.predict([piece], submission.columns)
            write(table)
            rejects.update(reject.summary for reject in rejected)
            bar.update(len(table))
    notes = describe_losses(
        len(rows),
        tables.predictor.max_length,
        truncated=tables.predictor.truncated,
        untagged=tables.predictor.untagged,
        rejects=rejects,
        left_out=False,
    )
    for note in notes:
        print(f"{submission.raw.location}: {note}")
    print(f"{len(rows)} predictions written to {path}")
