"""Checks of token ids passed to a trainer against the limits of the encoder."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.texts_hybrid_mtl import max_positions
from trainer.errors import InputError

ADVICE = "tokenize the rows with the encoder's own tokenizer"


@dataclass(frozen=True)
class Limits:
    """The numbers of an encoder's token ids, token types and positions; None if unlimited."""

    ids: int | None = None
    types: int | None = None
    positions: int | None = None

    @classmethod
    def from_model(cls, model: HybridMTLModel) -> "Limits":
        """Return the limits of a model."""
        ids = getattr(model.get_input_embeddings(), "num_embeddings", None)
        # It is 0 for encoders without such embeddings.
        types = getattr(model.config.backbone_config, "type_vocab_size", None) or None
        return cls(ids, types, max_positions(model))


def check_sequences(where: str, rows: Dataset, side: str, limits: Limits) -> None:
    """Check the tokens of one side of a task's rows.

    Args:
        where: argument and task, for messages.
        rows: rows in the format "arrow", with token ids and optionally token types and a mask.
        side: prefix of the columns: empty, or `pair_`.
        limits: the encoder's limits.

    Raises:
        InputError: naming column and row of invalid tokens.
    """
    column = f"{side}input_ids"
    ids, counts = _lists(where, rows, column, "token ids")
    _refuse_row(
        where, counts == 0, f"column '{column}' is empty; remove the row, or give it a text"
    )
    if limits.positions is not None:
        most, longest = limits.positions, counts.max()
        _refuse_row(
            where,
            counts > most,
            f"column '{column}' has more than the encoder's {most} tokens (up to {longest} in "
            f"these rows); tokenize the rows with a max_length of {most} or less",
        )
    _check_range(where, column, ids, counts, limits.ids, ADVICE)
    types, mask = f"{side}token_type_ids", f"{side}attention_mask"
    if types in rows.column_names:
        values = _aligned(where, rows, types, column, counts)
        _check_range(where, types, values, counts, limits.types, ADVICE)
    if mask in rows.column_names:
        values = _aligned(where, rows, mask, column, counts)
        if pc.min(values).as_py() == 0:
            raise InputError(
                f"{where}: its rows are padded already; tokenize them without padding, which is "
                f"added per batch"
            )


def _aligned(
    where: str, rows: Dataset, name: str, column: str, counts: np.ndarray
) -> pa.ChunkedArray:
    """Return the flattened lists of a column with one number per token of another one."""
    values, lengths = _lists(where, rows, name, "whole numbers")
    wrong = np.flatnonzero(lengths != counts)
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"{where}, row {row + 1}: column '{name}' has {lengths[row]} entries for the "
            f"{counts[row]} tokens of '{column}'; {ADVICE}, which returns both"
        )
    return values


def is_list_of_integers(kind: pa.DataType) -> bool:
    """Return whether a column holds a list of integers in each row."""
    return is_list(kind) and pa.types.is_integer(kind.value_type)


def is_list(kind: pa.DataType) -> bool:
    """Return whether a column holds a list in each row."""
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def row_of(index: int, counts: np.ndarray) -> int:
    """Return the row of an entry of flattened lists, whose lengths are `counts`, (N,)."""
    return int(np.searchsorted(np.cumsum(counts), index, side="right"))


def _lists(
    where: str, rows: Dataset, name: str, entries: str
) -> tuple[pa.ChunkedArray, np.ndarray]:
    """Return the flattened lists of a column, and their lengths, (N,)."""
    column = rows[name]
    message = f"column '{name}' must hold lists of {entries}"
    if not is_list_of_integers(column.type):
        raise InputError(f"{where}: {message}")
    _refuse_row(where, column.is_null().to_numpy(), f"{message}, and has None")
    values, counts = pc.list_flatten(column), pc.list_value_length(column).to_numpy()
    if values.null_count:
        row = row_of(int(np.argmax(values.is_null().to_numpy())), counts)
        raise InputError(f"{where}, row {row + 1}: {message}, and one of its entries is None")
    return values, counts


def _refuse_row(where: str, wrong: np.ndarray, message: str) -> None:
    if wrong.any():
        raise InputError(f"{where}, row {int(np.argmax(wrong)) + 1}: {message}")


def _check_range(
    where: str,
    column: str,
    values: pa.ChunkedArray,
    counts: np.ndarray,
    limit: int | None,
    advice: str,
) -> None:
    ends = pc.min_max(values).as_py()
    if ends["min"] >= 0 and (limit is None or ends["max"] < limit):
        return
    ids = values.to_numpy()
    wrong = int(np.argmax((ids < 0) | (ids >= (ends["max"] + 1 if limit is None else limit))))
    valid = "0 or more" if limit is None else f"0 to {limit - 1} for this encoder"
    raise InputError(
        f"{where}, row {row_of(wrong, counts) + 1}: column '{column}' has {ids[wrong]}; ids are "
        f"{valid}: {advice}"
    )
