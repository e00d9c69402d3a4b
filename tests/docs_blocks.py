"""The code of a document, block by block."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / "docs" / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def write_files(document: str, folder: Path) -> list[str]:
    """Write each block of Python that begins with its file's name; return the names."""
    names = []
    for block in blocks(document, "python"):
        found = re.match(r"# (\w+\.py)\n", block)
        if found:
            (folder / found[1]).write_text(block)
            names.append(found[1])
    return names
