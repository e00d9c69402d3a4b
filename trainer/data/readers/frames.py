"""Rows of Python objects: data frames, datasets, lists and dictionaries."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from datasets import Dataset, IterableDataset

from trainer.data.readers.arrow_columns import column, rows_of_objects
from trainer.errors import InputError

_MISSING = ("NAType", "NaTType")


def to_rows(table: Any) -> Dataset:
    """Return the rows of a table in memory.

    Args:
        table: a `datasets.Dataset`, a pandas or polars data frame, an Arrow table, any other
            object with Arrow's `__arrow_c_stream__`, a list of mappings from column to value, or a
            mapping from column to list of values.

    Raises:
        InputError: for another type, or for columns of different lengths.
    """
    if isinstance(table, Dataset):
        return table
    if hasattr(table, "__arrow_c_stream__"):
        return _from_arrow(table)
    if isinstance(table, Mapping):
        return _from_lists(table)
    is_list = isinstance(table, Sequence) and not isinstance(table, (str, bytes))
    if is_list and all(isinstance(row, Mapping) for row in table):
        return rows_of_objects(table)
    hint = "; load it without streaming" if isinstance(table, IterableDataset) else ""
    raise InputError(
        f"a table is a {type(table).__name__}; expected a datasets.Dataset, a pandas or polars "
        f"data frame, a list of mappings or a mapping of lists{hint}"
    )


def _from_lists(table: Mapping[str, Any]) -> Dataset:
    for name, values in table.items():
        if isinstance(values, (str, bytes, Mapping, Dataset)) or not hasattr(values, "__len__"):
            hint = "; choose a split" if isinstance(values, Dataset) else ""
            raise InputError(
                f"column '{name}' of a table is a {type(values).__name__}; expected a list of "
                f"values{hint}"
            )
    lengths = {name: len(values) for name, values in table.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"the columns of a table have different lengths: {lengths}")
    return Dataset(pa.table({str(name): _column(values) for name, values in table.items()}))


def _from_arrow(table: Any) -> Dataset:
    try:
        arrow = pa.table(table)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a column of pandas with values of several types
        return Dataset(pa.table({str(name): _column(table[name]) for name in table.columns}))
    columns = map(_supported, arrow.columns)
    return Dataset(pa.table(dict(zip(arrow.column_names, columns, strict=True))))


def _supported(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with categories, and the types of text of polars, as plain text."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        plain = pa.string() if _is_text(kind.value_type) else kind.value_type
        # Arrow decodes no categories of polars' type of text.
        chunks = [
            pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(plain))
            for chunk in values.chunks
        ]
        return pa.chunked_array([chunk.dictionary_decode() for chunk in chunks], plain)
    return values.cast(pa.string()) if _is_text(kind) else values


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string_view(kind) or pa.types.is_large_string(kind)


def _column(values: Iterable[Any]) -> pa.Array:
    return column(list(map(_plain, values)))


def _plain(value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value  # of numpy
    # pandas' missing values in columns of Python objects
    missing = (isinstance(value, float) and value != value) or type(value).__name__ in _MISSING
    return None if missing else value
