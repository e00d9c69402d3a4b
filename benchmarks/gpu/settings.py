"""What a run of the kit is told, as a file that every part reads."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass
class Settings:
    """How one run measures.

    Attributes:
        device: `cuda`, or `cpu` for a dry run.
        toy: tiny encoders, few rows and repetitions: does it run at all?
        folder: where results, logs and models go.
        weights: a folder of an encoder's weights for MiniLM's rows; random ones if None.
        data_dir: the tasks' data as `run_mtl.py` takes it; rows are drawn if None.
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
        """Of every process: more than one slows down what is as small as a dry run."""
        return 1 if self.device == "cpu" else os.cpu_count() or 1

    def path(self, *parts: str) -> Path:
        return Path(self.folder, *parts)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: str) -> "Settings":
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
