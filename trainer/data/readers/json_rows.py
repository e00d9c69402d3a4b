"""Reading of json and jsonl files without conversion of values."""

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from datasets import Dataset

from trainer.data.readers.arrow_columns import rows_of_objects
from trainer.data.readers.text_files import suffix_of, text_lines
from trainer.errors import InputError, truncated_repr


def read_json(path: Path) -> Dataset:
    """Return the rows of a file with one JSON object per line, or with one list of objects.

    NaN and Infinity, which are not part of JSON, become null.

    Raises:
        InputError: for any other content, with the line.
    """
    return rows_of_objects(_objects(path))


def json_blocks(path: Path, start: int, size: int) -> Iterator[Dataset]:
    """Yield blocks of the rows of a file with one JSON object per line.

    All blocks have the columns of the file's first one, of nulls where no object has a value.

    Args:
        path: the file.
        start: the first row, counted from 0.
        size: rows of a block.

    Raises:
        InputError: for any other content, with the line.
    """
    if next(filter(str.strip, text_lines(path)), "").lstrip().startswith("["):
        raise InputError(
            f"{path}: holds one list, which is read as a whole; for streaming, write one object "
            "per line"
        )
    names = list(dict.fromkeys(chain.from_iterable(islice(_objects(path), size))))
    objects = islice(_objects(path), start, None)
    while block := list(islice(objects, size)):
        yield rows_of_objects(block, names)


def _objects(path: Path) -> Iterator[dict[str, Any]]:
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
        kind = suffix_of(path)[1:] or "json"
        raise InputError(
            f"{path}, line {number}: cannot be read as {kind}: {reason}; write one object "
            "per line, or one list of objects"
        ) from error
    return value


# Longer integers than any id has take time to convert.
_MAX_DIGITS = 100


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        duplicate = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {truncated_repr(duplicate)} occurs twice in an object")
    return result


def _integer(digits: str) -> int | float:
    # Large ones are often ids, of which each digit counts.
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_constant=lambda constant: None
)
