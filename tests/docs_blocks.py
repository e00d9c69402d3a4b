"""The code of a document, block by block."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / "docs" / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def write_files(document: str, folder: Path, language: str) -> list[str]:
    """Write each block of a language that begins with its file's name; return the names."""
    names = []
    for block in blocks(document, language):
        found = re.match(r"# (\w+\.\w+)\n", block)
        if found:
            (folder / found[1]).write_text(block)
            names.append(found[1])
    return names
