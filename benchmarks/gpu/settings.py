"""The settings of a run of the kit, in a file that every part loads."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass
class Settings:
    """The settings of one run.

    Attributes:
        device: `cuda`, or `cpu` for a dry run.
        toy: tiny encoders, few rows and repetitions, to check that it runs.
        folder: of results, logs and models.
        weights: a folder of an encoder's weights for MiniLM's rows; random ones if None.
        data_dir: the tasks' data as for `run_mtl.py`; random rows if None.
        limit: seconds for all parts together.
        seed: of weights and rows.
    """

    device: str
    toy: bool
    folder: str
    weights: str | None = None
    data_dir: str | None = None
    limit: float = 480.0
    seed: int = 1

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        return (4,) if self.toy else (8, 32)

    @property
    def repetitions(self) -> int:
        return 1 if self.toy else 5

    @property
    def bf16(self) -> bool:
        return self.device != "cpu"

    @property
    def threads(self) -> int:
        """Return the threads of every process: one for a dry run, which more would slow down."""
        return 1 if self.device == "cpu" else os.cpu_count() or 1

    def path(self, *parts: str) -> Path:
        return Path(self.folder, *parts)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: str) -> "Settings":
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
