"""The options of the server."""

import os
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import InputError

KEY = "HYBRID_MTL_API_KEY"


@dataclass
class ServingOptions:
    """The options of the server, except for those of its model.

    Attributes:
        host: the address to listen at.
        port: the port; 0 for a free one.
        batch_size: most rows per pass.
        max_wait_ms: most milliseconds that a free model waits for more rows, which it does only
            after a batch of several rows.
        max_queue: most rows that wait.
        max_texts: most texts or pairs of a request.
        max_characters: most characters of a text.
        max_body: most bytes of a request's body.
        timeout: seconds after which a request gives up.
        log: the file of answers; None for none.
        log_texts: whether the texts are logged, too.
        api_key: required from callers; None for none.

    Raises:
        InputError: naming the option that is wrong.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    batch_size: int = 32
    max_wait_ms: float = 2.0
    max_queue: int = 1024
    max_texts: int = 256
    max_characters: int = 20_000
    max_body: int = 4 << 20
    timeout: float = 30.0
    log: Path | None = None
    log_texts: bool = False
    api_key: str | None = None

    def __post_init__(self) -> None:
        for name in ("batch_size", "max_queue", "max_texts", "max_characters", "max_body"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}: must be 1 or more")
        if not 0 <= self.port <= 65535:
            raise InputError(f"port = {self.port}: must be from 0 to 65535")
        if not 0 <= self.max_wait_ms <= 1000:
            raise InputError(f"max_wait_ms = {self.max_wait_ms:g}: must be from 0 to 1000")
        if not 0 < self.timeout <= 3600:
            raise InputError(f"timeout = {self.timeout:g}: must be above 0 and at most 3600")
        if self.max_texts > self.max_queue:
            raise InputError(
                f"max_texts = {self.max_texts}: must be at most max_queue, {self.max_queue}, so "
                "that a request fits the queue"
            )
        if self.log_texts and self.log is None:
            raise InputError("log_texts: has no effect without --log FILE")
        if self.api_key is not None and (len(self.api_key) < 16 or not self.api_key.isascii()):
            raise InputError("the API key must have 16 or more ASCII characters")


def read_key(path: Path | None) -> str | None:
    """Return the key of a file, or else of the environment; None if there is none.

    Raises:
        InputError: if the file cannot be read.
    """
    if path is None:
        return os.environ.get(KEY) or None
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise InputError(f"api_key_file: cannot read '{path}': {error}") from error
