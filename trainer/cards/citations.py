"""BibTeX entries of this project and of the methods and data of a model."""

from collections.abc import Iterable
from pathlib import Path

_TEXT = Path(__file__).with_name("references.bib").read_text(encoding="utf-8")
_ENTRIES = {
    entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in _TEXT.strip().split("\n\n")
}
# The entries of every model.
ALWAYS = ("hybrid_mtl", "hybrid_bert")
KNOWN = frozenset(_ENTRIES)


def bibtex(keys: Iterable[str], version: str | None = None) -> str:
    """Return the entries of the project and of the given keys, skipping keys without an entry.

    Args:
        keys: keys of `KNOWN`.
        version: the project's version, if recorded.
    """
    entries = {key: _ENTRIES[key] for key in (*ALWAYS, *keys) if key in KNOWN}
    if version is not None:
        project = entries["hybrid_mtl"].removesuffix("\n}")
        entries["hybrid_mtl"] = f"{project},\n  version = {{{version}}}\n}}"
    return "\n\n".join(entries.values())
