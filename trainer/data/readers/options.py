"""The options for reading files that their names and contents leave open."""

import re
from dataclasses import dataclass

from trainer.errors import InputError, did_you_mean

FORMATS = ("csv", "tsv", "jsonl", "json", "parquet", "xlsx", "conll", "conllu")
QUOTINGS = ("standard", "none")


@dataclass(frozen=True)
class ReadOptions:
    """Format and dialect of files; fields that are None follow from the files.

    Attributes:
        format: one of `FORMATS`; by the suffix if None.
        separator: the character between two cells of csv and tsv files, or `tab`.
        quoting: of csv and tsv files. `standard`: a cell may be quoted, with quotes inside it
            doubled. `none`: quotes are ordinary characters.
        encoding: Python's name of the text encoding of csv, tsv and CoNLL files.
        sheet: the name of a sheet of xlsx files.

    Raises:
        InputError: naming the invalid field.
    """

    format: str | None = None
    separator: str | None = None
    quoting: str | None = None
    encoding: str | None = None
    sheet: str | None = None

    def __post_init__(self):
        if self.format not in (None, *FORMATS):
            raise InputError(
                f"option 'format' = {self.format!r}: must be one of {', '.join(FORMATS)}."
                f"{did_you_mean(self.format, FORMATS)}"
            )
        if self.separator in ("tab", "\\t"):
            object.__setattr__(self, "separator", "\t")
        if self.separator is not None and not re.fullmatch(r'[^\r\n"\0\ufeff]', self.separator):
            raise InputError(
                f"option 'separator' = {self.separator!r}: must be one character, such as ';', or "
                f"tab"
            )
        if self.quoting not in (None, *QUOTINGS):
            raise InputError(f"option 'quoting' = {self.quoting!r}: must be 'standard' or 'none'")
        try:
            "a".encode(self.encoding or "utf-8")
        except (LookupError, ValueError) as error:
            raise InputError(
                f"option 'encoding' = {self.encoding!r}: is not a text encoding that Python "
                f"supports, such as utf-8, windows-1252 or utf-16"
            ) from error
