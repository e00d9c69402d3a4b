"""The rows of json and jsonl files, every value as it stands in the file.

Readers that guess a column's type from its first rows take texts for dates or numbers, and refuse a
column that begins with nulls. Here a column has a type if all of its values have it; other columns
keep each value as it is.
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
# Beyond it two whole numbers may be one float.
_EXACT = 1 << 53
# Of lists inside one another that have a type; Arrow refuses many more.
_LEVELS = 16


def read_json(path: Path) -> Dataset:
    """The rows of a file of JSON objects, one a line, or of one list of objects.

    NaN and Infinity, which JSON has no words for, become null.

    Raises:
        InputError: for anything else, with the line.
    """
    rows = _rows(path)
    blocks: list[dict[str, pa.Array]] = []
    sizes: list[int] = []
    while block := list(islice(rows, _ROWS_AT_ONCE)):
        found = dict.fromkeys(chain.from_iterable(block))
        blocks.append({name: _column([row.get(name) for row in block]) for name in found})
        sizes.append(len(block))
    table = {
        name: _joined([b.get(name, pa.nulls(n)) for b, n in zip(blocks, sizes, strict=True)])
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
        for place, row in enumerate(rows, start=1):
            if not isinstance(row, dict):
                found = f"{path}, line {number}: " + (f"row {place}: " if len(rows) > 1 else "")
                raise InputError(
                    f'{found}expected an object such as {{"text": ...}}, got {truncated_repr(row)}'
                )
            yield row


def _parse(path: Path, number: int, text: str) -> Any:
    """A JSON value that begins in a line."""
    try:
        value = _DECODER.decode(text.rstrip())
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        reason = str(error)
        if isinstance(error, json.JSONDecodeError):
            number += error.lineno - 1
            reason = f"{error.msg} in column {error.colno}"
        raise InputError(
            f"{path}, line {number}: cannot be read as {path.suffix[1:]}: {reason}; write one "
            f"object a line, or one list of objects"
        ) from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {truncated_repr(twice)} occurs twice in an object")
    return found


def _whole(digits: str) -> int | float:
    number = int(digits) if len(digits) < 20 else float(digits)
    return number if -(1 << 63) <= number < 1 << 63 else float(number)


def _null(word: str) -> None:
    return None


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_constant=_null)


def _column(values: list[Any]) -> pa.Array:
    kind = _type_of(values)
    if kind is not None:
        return pa.array(values, kind)
    texts = [None if value is None else json.dumps(value) for value in values]
    return pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))


def _type_of(values: Iterable[Any], levels: int = _LEVELS) -> pa.DataType | None:
    """The type that all values have; None if there is none, or if it has too many levels."""
    values = [value for value in values if value is not None]
    kinds = set(map(type, values))
    if not kinds:
        return pa.null()
    if kinds == {list}:
        inner = _type_of(chain.from_iterable(values), levels - 1) if levels else None
        return None if inner is None else pa.list_(inner)
    if kinds == {int, float} and all(abs(v) <= _EXACT for v in values if isinstance(v, int)):
        return pa.float64()
    return _TYPES.get(kinds.pop()) if len(kinds) == 1 else None


def _joined(parts: list[pa.Array]) -> pa.ChunkedArray:
    """The parts of a column, whose types may differ."""
    kinds = {part.type for part in parts if part.type != pa.null()}
    if len(kinds) > 1:
        return pa.chunked_array([_column(list(chain.from_iterable(map(_values, parts))))])
    kind = kinds.pop() if kinds else pa.null()
    whole = [part if part.type == kind else pa.nulls(len(part), kind) for part in parts]
    return pa.chunked_array(whole, kind)


def _values(part: pa.Array) -> list[Any]:
    if part.type == pa.json_():
        return [None if text is None else json.loads(text) for text in part.to_pylist()]
    return part.to_pylist()
