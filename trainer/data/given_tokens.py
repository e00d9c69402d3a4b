"""The tokens of rows that a trainer is given, checked against what the encoder can read."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.texts_hybrid_mtl import max_positions
from trainer.errors import InputError


@dataclass(frozen=True)
class Limits:
    """How many of each an encoder has embeddings for; None where nothing sets a limit.

    Attributes:
        ids: token ids.
        types: token types.
        positions: tokens of a sequence.
    """

    ids: int | None = None
    types: int | None = None
    positions: int | None = None

    @classmethod
    def of(cls, model: HybridMTLModel) -> "Limits":
        """A model's limits."""
        rows = getattr(model.get_input_embeddings(), "num_embeddings", None)
        # Encoders without such embeddings say 0.
        types = getattr(model.config.backbone_config, "type_vocab_size", None) or None
        return cls(rows, types, max_positions(model))


def check_sequences(where: str, rows: Dataset, side: str, limits: Limits) -> None:
    """Make sure that an encoder can read the tokens of one side of a task's rows.

    Args:
        where: the rows' place and task, for messages.
        rows: in the format "arrow", with a column of token ids; those of token types and a mask are
            optional.
        side: what the columns' names begin with: nothing, or `pair_`.
        limits: the encoder's.

    Raises:
        InputError: naming column and row of what it cannot read.
    """
    column = f"{side}input_ids"
    ids, counts = _lists(where, rows, column, "token ids")
    _refuse_row(
        where, counts == 0, f"column '{column}' is empty; leave the row out, or give it a text"
    )
    if limits.positions is not None:
        most, longest = limits.positions, counts.max()
        _refuse_row(
            where,
            counts > most,
            f"column '{column}' has more than the {most} tokens that the encoder reads (up to "
            f"{longest} in these rows); tokenise the rows with a max_length of {most} or less",
        )
    advice = "tokenise the rows with the encoder's own tokenizer"
    _check_within(where, column, ids, counts, limits.ids, advice)
    for name in (f"{side}token_type_ids", f"{side}attention_mask"):
        if name not in rows.column_names:
            continue
        values, beside = _lists(where, rows, name, "whole numbers")
        wrong = np.flatnonzero(beside != counts)
        if len(wrong):
            row = int(wrong[0])
            raise InputError(
                f"{where}, row {row + 1}: column '{name}' has {beside[row]} entries for the "
                f"{counts[row]} tokens of '{column}'; {advice}, which makes both"
            )
        if name.endswith("token_type_ids"):
            _check_within(where, name, values, counts, limits.types, advice)
        elif pc.min(values).as_py() == 0:
            raise InputError(
                f"{where}: its rows are padded already; tokenise them without padding, batches are "
                f"padded when they are made"
            )


def is_list_of_integers(kind: pa.DataType) -> bool:
    """Whether a column holds a list of integers in each row."""
    is_list = (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
    return is_list and pa.types.is_integer(kind.value_type)


def row_of(place: int, counts: np.ndarray) -> int:
    """The row in which an entry of flattened lists stands.

    Args:
        place: of the entry, from 0.
        counts: how many entries each row has, (N,).
    """
    return int(np.searchsorted(np.cumsum(counts), place, side="right"))


def _lists(where: str, rows: Dataset, name: str, what: str) -> tuple[pa.ChunkedArray, np.ndarray]:
    """A column's lists, one after the other, and how many entries each has, (N,)."""
    column = rows[name]
    wrong = f"column '{name}' must hold lists of {what}"
    if not is_list_of_integers(column.type):
        raise InputError(f"{where}: {wrong}")
    _refuse_row(where, column.is_null().to_numpy(), f"{wrong}, and has None")
    values, counts = pc.list_flatten(column), pc.list_value_length(column).to_numpy()
    if values.null_count:
        row = row_of(int(np.argmax(values.is_null().to_numpy())), counts)
        raise InputError(f"{where}, row {row + 1}: {wrong}, and one of its entries is None")
    return values, counts


def _refuse_row(where: str, wrong: np.ndarray, message: str) -> None:
    if wrong.any():
        raise InputError(f"{where}, row {int(np.argmax(wrong)) + 1}: {message}")


def _check_within(
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
    table = values.to_numpy()
    wrong = int(np.argmax((table < 0) | (table >= (ends["max"] + 1 if limit is None else limit))))
    known = "ids are 0 or more" if limit is None else f"the encoder knows 0 to {limit - 1}"
    raise InputError(
        f"{where}, row {row_of(wrong, counts) + 1}: column '{column}' has {table[wrong]}; {known}: "
        f"{advice}"
    )
