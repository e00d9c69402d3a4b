"""The sizes and repetitions of a benchmark run."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Sizes:
    """The sizes of the measurements.

    Attributes:
        cycles: rows of a batch -> training cycles in each repetition.
        aggregator_cycles: the same for the aggregators and layouts.
        warm_up: cycles before the first repetition.
        model_cycles: cycles of training the model that predicts.
        texts: texts of one repetition of prediction.
        single_texts: texts of one repetition with one text a call.
        file_rows: rows of a file to predict.
        score_rows: validation rows of each task for the score.
        growth_rows: the sizes at which time per row is compared.
        growth_repetitions: repetitions of these.
        prediction_rows: the largest of these sizes with prediction.
        starts: starts of `run_mtl.py` and imports.
    """

    cycles: dict[int, int] = field(default_factory=lambda: {8: 8, 32: 3})
    aggregator_cycles: dict[int, int] = field(default_factory=lambda: {8: 4, 32: 2})
    warm_up: int = 2
    model_cycles: int = 120
    texts: int = 512
    single_texts: int = 48
    file_rows: int = 2048
    score_rows: int = 1000
    growth_rows: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    growth_repetitions: int = 3
    prediction_rows: int = 10_000
    starts: int = 3


QUICK = Sizes(
    cycles={8: 1},
    aggregator_cycles={8: 1},
    warm_up=1,
    model_cycles=2,
    texts=32,
    single_texts=4,
    file_rows=64,
    score_rows=40,
    growth_rows=(100, 500),
    growth_repetitions=1,
    prediction_rows=500,
    starts=1,
)


@dataclass
class Settings:
    """The settings of one run.

    Attributes:
        data_dir: as for `run_mtl.py`: `sample`, or a folder in its layout.
        threads: of each worker.
        repetitions: of every comparison.
        sizes: the sizes of the measurements.
        folder: of workers, environments and results.
        peers: whether other projects are measured, too.
        model: a trained model's folder for the predictions; if None, one is trained.
        seed: of the draws.
    """

    data_dir: str
    threads: int
    repetitions: int
    sizes: Sizes
    folder: Path
    peers: bool = True
    model: str | None = None
    seed: int = 1

    @property
    def work(self) -> Path:
        """Return the folder of the workers' files."""
        return self.folder / "bench"
