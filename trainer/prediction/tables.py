"""Tables of predictions, whose rows line up with those of the input."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from trainer.data.readers.arrow_columns import values_of
from trainer.errors import InputError, did_you_mean, join_truncated
from trainer.prediction.predictor import REASON, Predictor, find_problem
from trainer.prediction.table_log import TableLog

# A bad row is an error, left out, or kept without a prediction.
ON_ERROR = ("stop", "skip", "null")


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


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of one file, database or split.

    Attributes:
        location: the file, for messages.
        start: the number of rows before these in it.
        table: the rows.
    """

    location: str
    start: int
    table: pa.Table


@dataclass(frozen=True)
class Reject:
    """A row without a prediction.

    Attributes:
        file: its file, database or split.
        row: its number there, counted from 1.
        column: the column that is not text.
        reason: why.
    """

    file: str
    row: int
    column: str
    reason: str

    @property
    def summary(self) -> str:
        """Return the reason without the row's values, which many rows share."""
        return f"no text in column '{self.column}'"


class BadRowError(InputError):
    """A row that is not text stops the prediction."""

    def __init__(self, reject: Reject, remedy: str):
        super().__init__(
            f"{reject.file}, row {reject.row}: column '{reject.column}' {reject.reason}; {remedy}"
        )


class PredictionTables:
    """Columns of the input beside predictions of its rows.

    Args:
        predictor: of the rows.
        texts: `text` and, for pairs, `text_pair` -> column of the input.
        on_error: one of `ON_ERROR`; with `null`, the column `reason` says why there is no
            prediction.
        remedy: what to do about a bad row that stops, for the message.
        log: of the answers; None to keep none.
    """

    def __init__(
        self,
        predictor: Predictor,
        texts: Mapping[str, str],
        on_error: str,
        remedy: str = "",
        log: TableLog | None = None,
    ):
        self._log = log
        self.predictor, self._texts = predictor, texts
        self._on_error, self._remedy = on_error, remedy
        self.types = dict(predictor.types)
        if on_error == "null":
            self.types[REASON] = pa.string()

    def default_columns(self, keep: Sequence[str]) -> dict[str, str]:
        """Return columns of the input, then all predictions, under their own names.

        Raises:
            InputError: if a column of the input has the name of one of the predictions.
        """
        both = [name for name in keep if name in self.types]
        if both:
            raise InputError(
                f"'{both[0]}': the predictions have a column of this name; rename the "
                f"column of the input, or leave it out"
            )
        return {name: name for name in (*keep, *self.types)}

    def schema(self, columns: Mapping[str, str], given: pa.Schema) -> pa.Schema:
        """Return the schema of columns of the predictions, or else of the input, as renamed.

        Args:
            columns: column -> its name in the output.
            given: the schema of the input.

        Raises:
            InputError: if there is no such column.
        """
        check_columns(columns, self.types, given.names)
        types = {**{field.name: field.type for field in given}, **self.types}
        return pa.schema([(output, types[name]) for name, output in columns.items()])

    def predict(
        self, pieces: Sequence[Piece], columns: Mapping[str, str]
    ) -> tuple[list[pa.Table], list[Reject]]:
        """Return the columns of each piece with predictions, and the rows without.

        Args:
            pieces: rows, which are batched together.
            columns: column -> its name in the output.

        Raises:
            BadRowError: for a row without text, if such rows stop.
        """
        rows = [row for piece in pieces for row in self._rows(piece)]
        problems = [find_problem(row, self.predictor.reads_words) for row in rows]
        rejects = self._rejects(pieces, problems)
        good = [row for row, problem in zip(rows, problems, strict=True) if problem is None]
        outputs = self.predictor.predict(good)
        if self._log is not None and good:
            groups = self._groups(pieces, self._log.groups)
            kept_groups = [
                group for group, problem in zip(groups, problems, strict=True) if problem is None
            ]
            self._log.write(good, outputs, kept_groups)
        predicted = iter(outputs)
        reasons = iter(rejects)
        cells = [
            next(predicted) if problem is None else {REASON: next(reasons).summary}
            for problem in problems
        ]
        tables, start = [], 0
        for piece in pieces:
            end = start + len(piece.table)
            kept = None
            if self._on_error == "skip":
                kept = [problem is None for problem in problems[start:end]]
            tables.append(self._table(piece, cells[start:end], columns, kept))
            start = end
        return tables, rejects

    def _rows(self, piece: Piece) -> list[dict[str, Any]]:
        columns = [values_of(piece.table[name]) for name in self._texts.values()]
        return [dict(zip(self._texts, row, strict=True)) for row in zip(*columns, strict=True)]

    def _groups(self, pieces: Sequence[Piece], columns: Sequence[str]) -> list[dict[str, str]]:
        """Return the values of each row in the logged columns, without missing ones."""
        groups = []
        for piece in pieces:
            table = piece.table.select(list(columns)).to_pylist() if columns else []
            found = table or [{}] * len(piece.table)
            groups += [{k: str(v) for k, v in row.items() if v is not None} for row in found]
        return groups

    def _rejects(
        self, pieces: Sequence[Piece], problems: Sequence[tuple[str, str] | None]
    ) -> list[Reject]:
        places = ((p.location, p.start + i + 1) for p in pieces for i in range(len(p.table)))
        rejects = [
            Reject(file, row, self._texts[problem[0]], problem[1])
            for (file, row), problem in zip(places, problems, strict=True)
            if problem is not None
        ]
        if rejects and self._on_error == "stop":
            raise BadRowError(rejects[0], self._remedy)
        return rejects

    def _table(
        self,
        piece: Piece,
        cells: Sequence[Mapping[str, Any]],
        columns: Mapping[str, str],
        kept: Sequence[bool] | None,
    ) -> pa.Table:
        arrays = [
            pa.chunked_array([pa.array([row.get(name) for row in cells], self.types[name])])
            if name in self.types
            else piece.table[name]
            for name in columns
        ]
        table = pa.table(arrays, names=list(columns.values()))
        return table if kept is None else table.filter(pa.array(kept))
