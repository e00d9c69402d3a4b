"""The parts' findings, in a file that is complete after every finding."""

import json
import os
from pathlib import Path
from typing import Any


class Findings:
    """A part's findings: name -> number, text or table.

    Args:
        path: of the JSON file. Its present content is kept.
    """

    def __init__(self, path: Path):
        self.path = path
        self.found: dict[str, Any] = {}
        if path.exists():
            self.found = json.loads(path.read_text(encoding="utf-8"))

    def add(self, name: str, value: Any) -> None:
        """Store a finding, also on disk: the process may be stopped at any moment."""
        self.found[name] = value
        aside = self.path.with_suffix(".writing")
        aside.write_text(json.dumps(self.found, indent=2) + "\n", encoding="utf-8")
        os.replace(aside, self.path)
        print(f"{name}: {value}", flush=True)
