"""Tables of predictions, whose rows line up with those of the input."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset
from datasets.utils import tqdm

from trainer.errors import InputError, did_you_mean, join_truncated
from trainer.prediction.predictor import REASON, Predictor, find_problem
from trainer.prediction.writers import open_writer

# Rows that are sorted by length for their batches, and written at once.
CHUNK = 1024


def check_columns(
    columns: Iterable[str], predicted: Collection[str], given: Collection[str]
) -> None:
    """Check that columns are those of the predictions or of the rows.

    Raises:
        InputError: naming the first that is neither.
    """
    for name in columns:
        if name not in predicted and name not in given:
            raise InputError(
                f"there is no column '{name}' among those of the predictions "
                f"({join_truncated(list(predicted))}) and of the rows "
                f"({join_truncated(list(given))}).{did_you_mean(name, [*predicted, *given])}"
            )


class PredictionTables:
    """Columns of the input beside predictions of its rows.

    Args:
        rows: the input.
        texts: `text` and, for pairs, `text_pair` -> column of the input.
        predictor: of the rows.
        on_bad_row: called with a row's index and the reason why it has no prediction; None to
            record the reason in the column `reason`.

    Attributes:
        reasons: reason -> number of rows without predictions.
    """

    def __init__(
        self,
        rows: Dataset,
        texts: Mapping[str, str],
        predictor: Predictor,
        on_bad_row: Callable[[int, str], Any] | None,
    ):
        self._rows, self._texts, self._predictor = rows.with_format("arrow"), texts, predictor
        self._on_bad_row = on_bad_row
        self._types = dict(predictor.types)
        if on_bad_row is None:
            self._types[REASON] = pa.string()
        self.reasons: Counter[str] = Counter()

    def default_columns(self, keep: Sequence[str]) -> dict[str, str]:
        """Return columns of the input, then all predictions, under their own names.

        Raises:
            InputError: if a column of the input has the name of one of the predictions.
        """
        both = [name for name in keep if name in self._types]
        if both:
            raise InputError(
                f"predict_keep = '{both[0]}': the predictions have a column of this name; rename "
                f"the column of predict_file, or leave it out"
            )
        return {name: name for name in (*keep, *self._types)}

    def schema(self, columns: Mapping[str, str]) -> pa.Schema:
        """Return the schema of columns of the predictions, or else of the input, as renamed.

        Args:
            columns: column -> its name in the output.

        Raises:
            InputError: if there is no such column.
        """
        check_columns(columns, self._types, self._rows.column_names)
        given = {field.name: field.type for field in self._rows.features.arrow_schema}
        types = {**given, **self._types}
        return pa.schema([(output, types[name]) for name, output in columns.items()])

    def write(self, path: Path, columns: Mapping[str, str], *, show_progress: bool) -> None:
        """Write `schema(columns)` of all rows to a file; see `open_writer`."""
        with open_writer(path, self.schema(columns)) as write:
            for table in self.predict(columns, show_progress=show_progress):
                write(table)

    def notes(self) -> list[str]:
        """Return the counts of truncated rows, words without tags and rows without predictions."""
        predictor, rows = self._predictor, len(self._rows)
        notes = [
            f"{count} of {rows} rows have no prediction: {reason}"
            for reason, count in self.reasons.items()
        ]
        if predictor.untagged:
            notes.insert(0, f"{predictor.untagged} words have no tag, as they were not read")
        if predictor.truncated[True]:
            notes.insert(
                0,
                f"{predictor.truncated[True]} of {rows} rows have more than "
                f"{predictor.max_length} tokens; the rest of their texts is not read",
            )
        return notes

    def predict(self, columns: Mapping[str, str], *, show_progress: bool) -> Iterator[pa.Table]:
        """Yield tables of `schema(columns)`, in the order of the input."""
        schema = self.schema(columns)
        with tqdm(total=len(self._rows), unit="rows", disable=not show_progress) as progress:
            for start in range(0, len(self._rows), CHUNK):
                table = self._rows[start : start + CHUNK]
                cells = self._predict_chunk(table, start)
                arrays = [
                    pa.array([row.get(name) for row in cells], self._types[name])
                    if name in self._types
                    else table[name]
                    for name in columns
                ]
                yield pa.table(arrays, schema=schema)
                progress.update(len(table))

    def _predict_chunk(self, table: pa.Table, start: int) -> list[dict[str, Any]]:
        """Return the predictions of each row; of a bad one, the reason."""
        texts = table.select(list(self._texts.values())).rename_columns(list(self._texts))
        rows = texts.to_pylist()
        problems = [find_problem(row, self._predictor.reads_words) for row in rows]
        for index, problem in enumerate(problems):
            if problem is not None and self._on_bad_row is not None:
                name, reason = problem
                self._on_bad_row(start + index, f"column '{self._texts[name]}' {reason}")
        good = [row for row, problem in zip(rows, problems, strict=True) if problem is None]
        predicted = iter(self._predictor.predict(good) if good else [])
        return [
            next(predicted) if problem is None else self._bad_row(problem[0])
            for problem in problems
        ]

    def _bad_row(self, name: str) -> dict[str, str]:
        reason = f"no text in column '{self._texts[name]}'"
        self.reasons[reason] += 1
        return {REASON: reason}
