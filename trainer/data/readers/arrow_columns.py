"""Arrow columns of Python values, without conversion of the values.

Readers that infer a column's type from its first rows convert texts to dates or numbers, and reject
a column that begins with nulls. Here a column has a type if all of its values have it; other
columns keep the JSON of each value.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import pyarrow as pa
from datasets import Dataset

_ROWS_AT_ONCE = 1 << 14
_TYPES = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
}
# Integers above it are not exact as floats.
_MAX_EXACT = 1 << 53
# Maximum depth of typed nested lists; Arrow rejects many more levels.
_MAX_DEPTH = 16


def rows_of_objects(objects: Iterable[Mapping[str, Any]], names: Iterable[str] = ()) -> Dataset:
    """Return rows of mappings from a column's name to its value; a missing name is a null.

    Args:
        objects: the mappings.
        names: the first columns; others follow in the order in which they occur.
    """
    names = list(names)
    objects = iter(objects)
    blocks: list[dict[str, pa.Array]] = []
    sizes: list[int] = []
    while block := list(islice(objects, _ROWS_AT_ONCE)):
        found = dict.fromkeys(chain(names, *block))
        blocks.append({name: column([row.get(name) for row in block]) for name in found})
        sizes.append(len(block))
    table = {
        name: concatenate([b.get(name, pa.nulls(n)) for b, n in zip(blocks, sizes, strict=True)])
        for name in dict.fromkeys(chain.from_iterable(blocks))
    }
    return Dataset(pa.table(table))


def column(values: Sequence[Any]) -> pa.Array:
    """Return a column of values: of their common type, or else of the JSON of each value."""
    kind = _type_of(values)
    if kind is not None:
        return pa.array(values, kind)
    texts = [None if value is None else json.dumps(value, default=str) for value in values]
    return pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))


def concatenate(parts: Sequence[pa.Array]) -> pa.ChunkedArray:
    """Concatenate the parts of a column, whose types may differ."""
    types = {part.type for part in parts if part.type != pa.null()}
    if len(types) > 1:
        return pa.chunked_array([column(list(chain.from_iterable(map(values_of, parts))))])
    kind = types.pop() if types else pa.null()
    chunks = [part if part.type == kind else pa.nulls(len(part), kind) for part in parts]
    return pa.chunked_array(chunks, kind)


def _type_of(values: Iterable[Any], depth: int = _MAX_DEPTH) -> pa.DataType | None:
    """Return the common type of all values, or None if there is none of at most `depth` levels."""
    values = [value for value in values if value is not None]
    types = set(map(type, values))
    if not types:
        return pa.null()
    if types == {list}:
        inner = _type_of(chain.from_iterable(values), depth - 1) if depth else None
        return None if inner is None else pa.list_(inner)
    if types == {int, float} and all(abs(v) <= _MAX_EXACT for v in values if isinstance(v, int)):
        return pa.float64()
    if types == {int} and not all(-(1 << 63) <= value < 1 << 63 for value in values):
        return None
    return _TYPES.get(types.pop()) if len(types) == 1 else None


def values_of(part: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return the Python values of a column; of JSON, those that it stands for."""
    if part.type == pa.json_():
        return [None if text is None else json.loads(text) for text in part.to_pylist()]
    return part.to_pylist()
