"""Growth: time per row and peak memory from a thousand rows to a million."""

import tempfile
from pathlib import Path

from benchmarks.speed.arithmetic import Spread, growth
from benchmarks.speed.findings import Findings
from benchmarks.speed.inference import some_texts
from benchmarks.speed.processes import Worker, own_python
from benchmarks.speed.rows import read_tasks, weights
from benchmarks.speed.settings import Settings

# What a run does with its rows, and the name of its ratio.
PARTS = {
    "reading and checking": "growth_reading",
    "tokenising": "growth_tokenising",
    "batches for training": "growth_batches",
    "prediction": "growth_prediction",
}


def measure(settings: Settings, findings: Findings) -> None:
    """Time each part at each size, in a process of its own for each size."""
    sizes = settings.sizes
    texts, _ = some_texts(read_tasks(settings, "train"), 2000, settings.seed)
    seconds: dict[str, dict[int, float]] = {part: {} for part in PARTS}
    rows = []
    for count in sizes.growth_rows:
        print(f"growth, {count:,} rows ...", flush=True)
        answers = _at(settings, texts, count)
        for part, (done, taken, peak) in answers.items():
            seconds[part][done] = taken
            cells = (part, f"{done:,}", f"{1e6 * taken / done:,.1f}", f"{peak / 1e6:,.0f}")
            rows.append(cells)
    for part, name in PARTS.items():
        findings.add(name, Spread.of([growth(seconds[part])]))
    rows.sort(key=lambda cells: list(PARTS).index(cells[0]))
    findings.tables["Growth"] = [("", "Rows", "Microseconds/row", "Peak MB"), *rows]
    findings.remarks.append(
        f"Growth: the rows are random words of the data's texts, as many as one of them has. "
        f"Prediction, where the model itself runs, has at most {sizes.prediction_rows:,} rows. "
        f"Each size is measured once. The ratio is the time per row of the largest size over that "
        f"of the best smaller one."
    )


def _at(settings: Settings, texts: list[str], count: int) -> dict[str, tuple[int, float, int]]:
    """Part -> rows, seconds and peak memory in bytes."""
    work, found = settings.work / "growth", {}
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        job = {
            "weights": weights(settings),
            "max_length": 128,
            "rows": count,
            "prediction_rows": settings.sizes.prediction_rows,
            "texts": texts,
            "seed": settings.seed,
            "folder": str(Path(folder).resolve() / "rows"),
        }
        # What was tokenised before must not be found again.
        cache = {"HF_DATASETS_CACHE": folder}
        module = "benchmarks.speed.workers.grow"
        name = f"rows{count}"
        with Worker(name, own_python(), module, job, work, settings.threads, cache) as worker:
            for part in PARTS:
                if part == "prediction" and count > settings.sizes.prediction_rows:
                    continue
                answer = worker.ask(part=part)
                found[part] = (answer["rows"], answer["seconds"], answer["peak_memory"])
    return found
