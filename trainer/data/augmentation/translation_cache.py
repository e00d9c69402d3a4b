"""Cache of back translations, one jsonl file per pair of models."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from trainer.data.cache import cache_folder


class TranslationCache:
    """Text -> its back translation, or None if there is none.

    Each batch is appended in one write, so that an interrupted run can continue; the text of an
    incomplete line is translated again.

    Args:
        models: names or folders of the two models; the sizes and times of a folder's files are
            part of the key.
        prefix: the prefix of the first model's inputs.
    """

    def __init__(self, models: Sequence[str], prefix: str):
        key = json.dumps([[_identity(name) for name in models], prefix])
        self.file = (
            cache_folder("back_translation")
            / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.jsonl"
        )
        self.translations: dict[str, str | None] = {}
        content = self.file.read_bytes() if self.file.is_file() else b""
        self.ends_mid_line = bool(content) and not content.endswith(b"\n")
        for line in content.splitlines():
            try:
                text, back = json.loads(line)
            except ValueError:
                continue
            self.translations[text] = back

    def __contains__(self, text: str) -> bool:
        return text in self.translations

    def __getitem__(self, text: str) -> str | None:
        return self.translations[text]

    def add(self, texts: Sequence[str], translations: Sequence[str | None]) -> None:
        """Add a batch to the cache and its file."""
        pairs = list(zip(texts, translations, strict=True))
        lines = ("\n" if self.ends_mid_line else "") + "".join(json.dumps(p) + "\n" for p in pairs)
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, lines.encode())
        finally:
            os.close(handle)
        self.ends_mid_line = False
        self.translations.update(pairs)


def _identity(model: str) -> list:
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return [model]
    files = sorted(path for path in folder.iterdir() if path.is_file())
    stats = [(path.name, path.stat()) for path in files]
    return [str(folder.resolve()), [[name, s.st_size, s.st_mtime_ns] for name, s in stats]]
