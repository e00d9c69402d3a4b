"""Tasks of one table: the time of a cycle with two columns of labels over that with one."""

from benchmarks.speed.arithmetic import Spread, ratios, turns
from benchmarks.speed.findings import Findings
from benchmarks.speed.processes import Worker, own_python
from benchmarks.speed.settings import Settings
from benchmarks.speed.training import job_of

# Columns of labels, the second a copy in another order of classes.
WAYS = {"one": ["first"], "two": ["first", "second"]}


def measure(settings: Settings, findings: Findings) -> None:
    """Add the ratio at every batch size."""
    rows = []
    for size, cycles in settings.sizes.cycles.items():
        print(f"one table, {size} rows a batch ...", flush=True)
        seconds = _take_turns(settings, size, cycles)
        ratio = ratios(seconds["two"], seconds["one"])
        mark = "" if size == 8 else str(size)
        findings.add(f"shared_table{mark}_two_columns_vs_one", ratio)
        one = Spread.of([taken / cycles for taken in seconds["one"]])
        between = f"{ratio.low:.2f} to {ratio.high:.2f}"
        rows.append((f"{size} rows", f"{one.median:.3f}", f"{ratio.median:.2f}", between))
    columns = ("", "Seconds/cycle, one column", "Times, two columns", "(range)")
    findings.tables["Two columns of labels of one table"] = [columns, *rows]


def _take_turns(settings: Settings, size: int, cycles: int) -> dict[str, list[float]]:
    """Return way -> the seconds of each repetition."""
    job = job_of(settings, size, settings.sizes.warm_up + cycles * settings.repetitions)
    job["ways"] = WAYS
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    folder, module = settings.work / f"table{size}", "benchmarks.speed.workers.shared_table"
    with Worker("table", own_python(), module, job, folder, settings.threads) as worker:
        for repetition in range(-1, settings.repetitions):  # the first one warms up
            asked = settings.sizes.warm_up if repetition < 0 else cycles
            for name in turns(list(WAYS), repetition):
                taken = worker.ask(way=name, cycles=asked)["seconds"]
                if repetition >= 0:
                    seconds[name].append(taken)
    return seconds
