"""The formats of files: suffix -> format -> reader."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset

from trainer.data.readers.conll import read_conll
from trainer.data.readers.excel import read_excel
from trainer.data.readers.json_rows import read_json
from trainer.data.readers.options import FORMATS, ReadOptions
from trainer.data.readers.parquet import read_parquet
from trainer.data.readers.tables import read_table
from trainer.data.readers.text_files import is_gzipped, suffix_of
from trainer.errors import InputError


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes:
        read: returns the rows of a file, given options and the names of needed columns.
        options: the fields of `ReadOptions` that it uses.
        is_text: whether its files are text, and so may be compressed with gzip.
    """

    read: Callable[[Path, ReadOptions, Collection[str]], Dataset]
    options: tuple[str, ...] = ()
    is_text: bool = True


_TABLE = Format(read_table, ("separator", "quoting", "encoding"))
_JSON = Format(lambda path, options, columns: read_json(path))
_CONLL = Format(read_conll, ("separator", "encoding"))
READERS: dict[str, Format] = {
    "csv": _TABLE,
    "tsv": _TABLE,
    "jsonl": _JSON,
    "json": _JSON,
    "parquet": Format(lambda path, options, columns: read_parquet(path), is_text=False),
    "xlsx": Format(lambda path, options, columns: read_excel(path, options), ("sheet",), False),
    "conll": _CONLL,
    "conllu": _CONLL,
}
# Files of named entities are called .bio or .iob2 by some.
SUFFIXES = {f".{name}": name for name in FORMATS} | dict.fromkeys(
    (".bio", ".iob", ".iob2"), "conll"
)


def format_of(path: Path, options: ReadOptions) -> str:
    """Return the name of a file's format.

    Raises:
        InputError: for an unknown suffix, or a compressed file of a format that is not text.
    """
    name = options.format or SUFFIXES.get(suffix_of(path))
    if name is None:
        raise InputError(
            f"{path}: expected one of {', '.join(SUFFIXES)}; or give its format with the "
            "option 'format'"
        )
    if is_gzipped(path) and not READERS[name].is_text:
        raise InputError(f"{path}: {name} files are compressed already; unpack it with gunzip")
    return name


def check_used(options: ReadOptions, files: Collection[Path], place: str) -> None:
    """Check that every field that is set is used by the format of one of the files.

    Args:
        options: the fields.
        files: the files; empty for rows that are not in files.
        place: their description, for the message.

    Raises:
        InputError: naming the first field that is not.
    """
    formats = {format_of(path, options) for path in files if path.is_file()}
    for field, value in vars(options).items():
        users = [name for name in FORMATS if field in ("format", *READERS[name].options)]
        if value is not None and not formats.intersection(users):
            raise InputError(
                f"option '{field}' is for {', '.join(users)} files, not for {place}; unset it"
            )
