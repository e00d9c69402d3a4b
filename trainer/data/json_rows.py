"""Reading of json and jsonl files without conversion of values.

Readers that infer a column's type from its first rows convert texts to dates or numbers, and reject
a column that begins with nulls. Here a column has a type if all of its values have it; other
columns keep the JSON of each value.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset

from trainer.data.files import text_lines
from trainer.errors import InputError, truncated_repr

_ROWS_AT_ONCE = 1 << 14
_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
# Integers above it are not exact as floats.
_MAX_EXACT = 1 << 53
# Maximum depth of typed nested lists; Arrow rejects many more levels.
_MAX_DEPTH = 16


def read_json(path: Path) -> Dataset:
    """Return the rows of a file with one JSON object per line, or with one list of objects.

    NaN and Infinity, which are not part of JSON, become null.

    Raises:
        InputError: for any other content, with the line.
    """
    rows = _rows(path)
    blocks: list[dict[str, pa.Array]] = []
    sizes: list[int] = []
    while block := list(islice(rows, _ROWS_AT_ONCE)):
        names = dict.fromkeys(chain.from_iterable(block))
        blocks.append({name: _column([row.get(name) for row in block]) for name in names})
        sizes.append(len(block))
    table = {
        name: _concatenate([b.get(name, pa.nulls(n)) for b, n in zip(blocks, sizes, strict=True)])
        for name in dict.fromkeys(chain.from_iterable(blocks))
    }
    return Dataset(pa.table(table))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    lines = text_lines(path)
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith("["):
            rows = _parse(path, number, line + "".join(lines))
        elif line.strip():
            rows = [_parse(path, number, line)]
        else:
            continue
        for index, row in enumerate(rows, start=1):
            if not isinstance(row, dict):
                where = f"{path}, line {number}: " + (f"row {index}: " if len(rows) > 1 else "")
                raise InputError(
                    f'{where}expected an object such as {{"text": ...}}, got {truncated_repr(row)}'
                )
            yield row


def _parse(path: Path, number: int, text: str) -> Any:
    try:
        value = _DECODER.decode(text.rstrip())
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()  # fails for half a surrogate pair
    except (ValueError, RecursionError) as error:
        reason = str(error)
        if isinstance(error, json.JSONDecodeError):
            number += error.lineno - 1
            reason = f"{error.msg} in column {error.colno}"
        raise InputError(
            f"{path}, line {number}: cannot be read as {path.suffix[1:]}: {reason}; write one "
            f"object per line, or one list of objects"
        ) from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        duplicate = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {truncated_repr(duplicate)} occurs twice in an object")
    return result


def _integer(digits: str) -> int | float:
    number = int(digits) if len(digits) < 20 else float(digits)
    return number if -(1 << 63) <= number < 1 << 63 else float(number)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_constant=lambda constant: None
)


def _column(values: list[Any]) -> pa.Array:
    kind = _type_of(values)
    if kind is not None:
        return pa.array(values, kind)
    texts = [None if value is None else json.dumps(value) for value in values]
    return pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))


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
    return _TYPES.get(types.pop()) if len(types) == 1 else None


def _concatenate(parts: list[pa.Array]) -> pa.ChunkedArray:
    """Concatenate the parts of a column, whose types may differ."""
    types = {part.type for part in parts if part.type != pa.null()}
    if len(types) > 1:
        return pa.chunked_array([_column(list(chain.from_iterable(map(_values, parts))))])
    kind = types.pop() if types else pa.null()
    chunks = [part if part.type == kind else pa.nulls(len(part), kind) for part in parts]
    return pa.chunked_array(chunks, kind)


def _values(part: pa.Array) -> list[Any]:
    if part.type == pa.json_():
        return [None if text is None else json.loads(text) for text in part.to_pylist()]
    return part.to_pylist()
