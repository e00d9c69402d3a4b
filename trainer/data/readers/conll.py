"""Reading of CoNLL files: one word per line with its tags, and a blank line between sentences."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
from datasets import Dataset

from trainer.data.readers.options import ReadOptions
from trainer.data.readers.text_files import suffix_of, text_lines
from trainer.errors import InputError, join_truncated

# The columns of CoNLL-U (universaldependencies.org/format.html).
_CONLLU = ["id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"]
# The header of CoNLL-U Plus (universaldependencies.org/ext-format.html).
_HEADER = re.compile(r"#\s*global\.columns\s*=\s*(.+)")
# Lines of CoNLL-U that are no words: a token of several words (1-2), an elided word (1.1).
_NO_WORD = re.compile(r"\d+[-.]\d+")

Sentence = list[list[str]]  # the cells of each word


def read_conll(path: Path, options: ReadOptions, columns: Collection[str] = ()) -> Dataset:
    """Return a row per sentence, with a list of cells for each column of the file.

    The columns are named by their position from the start, `0`, `1`, ..., or from the end, `-1`,
    and by the file's header (`# global.columns = FORM NER`) or the definition of CoNLL-U. Besides,
    `text` is the first column and `label` the last (in CoNLL-U, `form` and `upos`).

    Args:
        path: the file.
        options: its format, separator and encoding.
        columns: names of the columns that are needed; of those from the end, only these are made.

    Raises:
        InputError: for a line with more or fewer columns than the first one, with its number, or
            for an empty file.
    """
    file = _ConllFile(path, options)
    sentences = list(file.sentences())
    if not sentences:
        raise InputError(f"{path}: the file has no rows")
    width, names = file.width, file.header
    if names and len(names) != width:
        raise InputError(
            f"{path}: the header names {len(names)} columns ({join_truncated(names)}), and the "
            f"first word has {width}"
        )
    cells = [pa.array([[word[i] for word in words] for words in sentences]) for i in range(width)]
    table = {str(i): values for i, values in enumerate(cells)}
    table |= {name: cells[int(name)] for name in columns if name in _from_end(width)}
    table["text"] = cells[1 if file.is_conllu else 0]
    if width > 1:
        table["label"] = cells[3 if file.is_conllu else -1]
    return Dataset(pa.table(table | dict(zip(names, cells, strict=False))))


def _from_end(width: int) -> set[str]:
    return {str(-i) for i in range(1, width + 1)}


class _ConllFile:
    """A CoNLL file, read once by `sentences`.

    Attributes:
        is_conllu: whether the file has the columns of CoNLL-U.
        header: the columns' names, in the line `# global.columns`; empty without it.
        width: the number of columns.
    """

    def __init__(self, path: Path, options: ReadOptions):
        self.path = path
        self.is_conllu = (options.format or suffix_of(path)[1:]) == "conllu"
        self.separator = "\t" if self.is_conllu else options.separator
        self.encoding = options.encoding or "utf-8"
        self.header = _CONLLU if self.is_conllu else []
        self.width = 0
        self._doubtful = 0

    def sentences(self) -> Iterator[Sentence]:
        """Yield the sentences; print how many comments may have been words."""
        words: Sentence = []
        for number, line in enumerate(text_lines(self.path, self.encoding), start=1):
            text = line.rstrip("\r\n")
            is_document = text.startswith("-DOCSTART-")
            if is_document or not text.strip():
                if words:
                    yield words
                words = []
            elif words or not self._is_comment(text):
                cells = self._cells(text, number)
                if not self.is_conllu or not _NO_WORD.fullmatch(cells[0]):
                    words.append(cells)
        if words:
            yield words
        if self._doubtful and not self.is_conllu:
            print(
                f"{self.path}: {self._doubtful} lines that begin with '# ' are read as comments; "
                "if they are words, put tabs between the columns",
                flush=True,
            )

    def _is_comment(self, line: str) -> bool:
        """Return whether a line before a sentence is a comment; read the header if it is one."""
        header = _HEADER.fullmatch(line.strip())
        if header:
            self.header = self.header or header[1].split()
        if header or not line.startswith("#") or self.is_conllu:
            return line.startswith("#")
        cells = len(line.split(self._separator_of(line)))
        if "\t" in line or not line.startswith("# "):
            return self.width not in (0, cells)
        self._doubtful += cells == self.width
        return True

    def _separator_of(self, line: str) -> str | None:
        return self.separator or ("\t" if "\t" in line else None)

    def _cells(self, line: str, number: int) -> list[str]:
        if not self.width:
            self.separator = self._separator_of(line)
        cells = line.split(self.separator)
        self.width = self.width or len(cells)
        if len(cells) != self.width:
            raise InputError(
                f"{self.path}, line {number}: {len(cells)} columns, where the first word has "
                f"{self.width}; columns are separated by "
                f"{'white space' if self.separator is None else repr(self.separator)}, and "
                "sentences by a blank line"
            )
        return cells
