"""Prediction of files: beside the bare model in a loop, and by two processes beside one.

Each process has one thread. The seconds of processes that start first are those of twice the rows
minus those of the rows, since the start takes longer than the benchmark's rows.
"""

from benchmarks.speed.arithmetic import Spread, per_second, ratios, turns
from benchmarks.speed.findings import Findings
from benchmarks.speed.inference import BATCH, OURS, some_texts
from benchmarks.speed.processes import Worker, own_python
from benchmarks.speed.rows import read_tasks, weights
from benchmarks.speed.settings import Settings

BARE, FILES = "the bare model in a loop", "predict_files"
ONE, TWO = "one process", "two processes"
# Way -> its workers.
STARTED = {ONE: 1, TWO: 2}


def measure(settings: Settings, findings: Findings) -> None:
    """Add the ratios of speeds."""
    print("prediction of files ...", flush=True)
    count = settings.sizes.file_rows
    texts, _ = some_texts(read_tasks(settings, "train"), count, settings.seed)
    job = {
        "weights": weights(settings),
        "max_length": 128,
        "batch_size": BATCH,
        "texts": (texts * -(-count // len(texts)))[:count],
        "folder": str(settings.work / "prediction_files"),
    }
    seconds = _take_turns(settings, job)
    findings.add("prediction_files_vs_bare_model", ratios(seconds[BARE], seconds[FILES]))
    findings.add("prediction_files_two_processes_vs_one", ratios(seconds[ONE], seconds[TWO]))
    rows, series = [], {}
    for way, taken in seconds.items():
        rate = Spread.of(per_second([count] * len(taken), taken))
        rows.append((way, f"{rate.median:,.0f}", f"{rate.low:,.0f} to {rate.high:,.0f}"))
        series[f"{OURS if way != BARE else 'transformers'}: {way}"] = rate
    title = f"Prediction of files, {BATCH} rows a batch, one thread a process"
    findings.tables[title] = [("", "Rows/s", "(range)"), *rows]
    findings.series["prediction of files (rows/s)"] = series


def _take_turns(settings: Settings, job: dict) -> dict[str, list[float]]:
    """Return way -> the seconds of each repetition for all rows."""
    ways = [BARE, FILES, *STARTED]
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    module = "benchmarks.speed.workers.predict_files"
    folder = settings.work / "prediction_files"
    with Worker("files", own_python(), module, job, folder, threads=1) as worker:
        for repetition in range(-1, settings.repetitions):  # the first one warms up
            for way in turns(ways, repetition):
                if way in STARTED and repetition < 0:
                    continue
                taken = _seconds(worker, way)
                if repetition >= 0:
                    seconds[way].append(taken)
    return seconds


def _seconds(worker: Worker, way: str) -> float:
    if way == BARE:
        return worker.ask(bare=True)["seconds"]
    if way == FILES:
        return worker.ask(bare=False, workers=1, times=1, parts=False)["seconds"]
    once, twice = (
        worker.ask(bare=False, workers=STARTED[way], times=times, parts=True)["seconds"]
        for times in (1, 2)
    )
    return twice - once
