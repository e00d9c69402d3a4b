"""Aggregators and layouts: the time of a training cycle over that of `sum` with `siloed`.

A few of them at a time share a process, each time with the plain one, to limit memory.
"""

from benchmarks.speed.arithmetic import Spread, ratios, turns
from benchmarks.speed.findings import Findings
from benchmarks.speed.processes import AbsentError, Worker, own_python
from benchmarks.speed.settings import Settings
from benchmarks.speed.training import job_of
from trainer.objective.aggregators import AGGREGATORS
from trainer.optimization import LAYOUTS

PLAIN = "sum"
TOGETHER = 4
# Excluded from the goals: they need more than products of gradients, or an iterative solver.
COSTLY = ("aggregator_graddrop", "aggregator_nash_mtl")
AGGREGATOR_OPTIONS = {"mtrec": ["--auxiliary_tasks", "similarity"]}


def all_ways() -> dict[str, list[str]]:
    """Return name -> options of every aggregator and layout other than the plain ones."""
    aggregators = {
        f"aggregator_{aggregator}": [
            "--aggregator",
            aggregator,
            *AGGREGATOR_OPTIONS.get(aggregator, []),
        ]
        for aggregator in AGGREGATORS
        if aggregator != PLAIN
    }
    layouts = {
        f"layout_{name}": ["--optimizer_layout", name] for name in LAYOUTS if name != "siloed"
    }
    return {**aggregators, **layouts}


def measure(settings: Settings, findings: Findings) -> None:
    """Add the ratio of every way at every batch size."""
    for size, cycles in settings.sizes.aggregator_cycles.items():
        print(f"aggregators and layouts, {size} rows a batch ...", flush=True)
        found: dict[str, Spread] = {}
        for names in _groups(list(all_ways())):
            try:
                found |= _ratios(settings, names, size, cycles)
            except AbsentError:
                # One of them fails: run each alone to find which, and why.
                for name in names:
                    try:
                        found |= _ratios(settings, [name], size, cycles)
                    except AbsentError as reason:
                        findings.absent[name] = str(reason)
        _report(findings, size, found)


def _groups(names: list[str]) -> list[list[str]]:
    return [names[start : start + TOGETHER] for start in range(0, len(names), TOGETHER)]


def _ratios(settings: Settings, names: list[str], size: int, cycles: int) -> dict[str, Spread]:
    ways = {PLAIN: [], **{name: all_ways()[name] for name in names}}
    job = job_of(settings, size, settings.sizes.warm_up + cycles * settings.repetitions)
    job["ways"] = ways
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    folder, module = settings.work / f"aggregators{size}", "benchmarks.speed.workers.aggregators"
    label = "+".join(names)
    with Worker(label, own_python(), module, job, folder, settings.threads) as worker:
        for repetition in range(-1, settings.repetitions):  # the first one warms up
            asked = settings.sizes.warm_up if repetition < 0 else cycles
            for name in turns(list(ways), repetition):
                taken = worker.ask(way=name, cycles=asked)["seconds"]
                if repetition >= 0:
                    seconds[name].append(taken)
    return {name: ratios(seconds[name], seconds[PLAIN]) for name in names}


def _report(findings: Findings, size: int, found: dict[str, Spread]) -> None:
    mark = "" if size == 8 else str(size)
    rows = []
    for kind, plain in (("aggregator", PLAIN), ("layout", "siloed")):
        own = {name: spread for name, spread in found.items() if name.startswith(kind)}
        for name, spread in own.items():
            findings.add(f"{name.replace(kind, kind + mark, 1)}_vs_{plain}", spread)
            between = f"{spread.low:.2f} to {spread.high:.2f}"
            rows.append((name.replace("_", " ", 1), f"{spread.median:.2f}", between))
        counted = {name: spread for name, spread in own.items() if name not in COSTLY}
        if counted:
            worst = max(counted, key=lambda name: counted[name].median)
            findings.add(f"{kind}{mark}_worst_vs_{plain}", counted[worst], note=worst)
    title = f"Aggregators and layouts, {size} rows a batch: time of a cycle over sum and siloed"
    findings.tables[title] = [("", "Times", "(range)"), *rows]
