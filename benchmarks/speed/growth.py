"""Growth: time per row and peak memory from a thousand rows to a million."""

import tempfile
from pathlib import Path

from benchmarks.speed.arithmetic import Spread, growth, turns
from benchmarks.speed.findings import Findings
from benchmarks.speed.inference import some_texts
from benchmarks.speed.processes import Worker, own_python
from benchmarks.speed.rows import read_tasks, weights
from benchmarks.speed.settings import Settings

# Part of a run -> the name of its ratio.
PARTS = {
    "reading and checking": "growth_reading",
    "tokenizing": "growth_tokenizing",
    "batches for training": "growth_batches",
    "prediction": "growth_prediction",
}


def measure(settings: Settings, findings: Findings) -> None:
    """Time each part at each size, in a separate process for each size and repetition."""
    sizes = settings.sizes
    texts, _ = some_texts(read_tasks(settings, "train"), 2000, settings.seed)
    measured: dict[str, dict[int, list[tuple[float, int]]]] = {part: {} for part in PARTS}
    for repetition in range(sizes.growth_repetitions):
        for count in turns(sizes.growth_rows, repetition):
            print(f"growth, {count:,} rows ...", flush=True)
            for part, (done, taken, peak) in _at(settings, texts, count).items():
                measured[part].setdefault(done, []).append((taken, peak))
    rows = []
    for part, name in PARTS.items():
        own = dict(sorted(measured[part].items()))
        middle = {d: Spread.of([taken for taken, _ in found]).median for d, found in own.items()}
        findings.add(name, Spread.of([growth(middle)]))
        rows += [_row(part, done, found) for done, found in own.items()]
    findings.tables["Growth"] = [("", "Rows", "Microseconds/row", "(range)", "Peak MB"), *rows]
    findings.remarks.append(
        f"Growth: the rows are random words of the data's texts, with the length of one of them. "
        f"Prediction, where the model itself runs, has at most {sizes.prediction_rows:,} rows. "
        f"The ratio is of medians: the time per row of the largest size over that of the best "
        f"smaller one."
    )


def _row(part: str, done: int, found: list[tuple[float, int]]) -> tuple[str, ...]:
    per_row = Spread.of([1e6 * taken / done for taken, _ in found])
    between = f"{per_row.low:,.1f} to {per_row.high:,.1f}"
    peak = max(peak for _, peak in found)
    return part, f"{done:,}", f"{per_row.median:,.1f}", between, f"{peak / 1e6:,.0f}"


def _at(settings: Settings, texts: list[str], count: int) -> dict[str, tuple[int, float, int]]:
    """Return part -> rows, seconds and peak memory in bytes."""
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
        # An empty cache: no tokens of earlier runs.
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
