"""Training: ours and the peers on the same rows, each in its own process, alternating.

If ours uses oneDNN for matrix products, the peers run a second time, with a line in their scripts
that enables oneDNN.
"""

from contextlib import ExitStack
from typing import Any

from benchmarks.speed.arithmetic import Spread, padding_share, per_second, ratios, turns
from benchmarks.speed.environments import python_of
from benchmarks.speed.findings import Findings
from benchmarks.speed.processes import AbsentError, Worker, own_python
from benchmarks.speed.rows import as_json, draw, read_tasks, weights
from benchmarks.speed.settings import Settings
from modeling_hybrid_mtl.onednn_hybrid_mtl import onednn_matmul

OURS = "hybrid-mtl"
PRODUCTS = "matrix products alone"
SAME_LIBRARY = ", oneDNN"
# Name -> its environment, its module, and the name of its ratio.
PEERS = {
    "the paper's loop": ("transformers", "seed_loop", "seed_loop"),
    "transformers.Trainer": ("transformers", "plain_trainer", "trainer"),
    "sentence-transformers": (
        "sentence-transformers",
        "sentence_transformers_loop",
        "sentence_transformers",
    ),
    "tasknet": ("tasknet", "tasknet_loop", "tasknet"),
}
Answers = dict[str, list[dict[str, Any]]]


def measure(settings: Settings, findings: Findings) -> None:
    """Add the ratios and the table of every batch size."""
    for size, cycles in settings.sizes.cycles.items():
        print(f"training, {size} rows a batch ...", flush=True)
        with ExitStack() as stack:
            workers = _start(settings, findings, stack, size, cycles)
            answers = _take_turns(settings, findings, workers, cycles)
        _report(findings, size, answers)


def job_of(settings: Settings, size: int, cycles: int) -> dict[str, Any]:
    """Return the job of every training worker: the rows of `cycles` cycles, in order."""
    tasks = draw(read_tasks(settings, "train"), cycles * size, settings.seed)
    return {
        "weights": weights(settings),
        "tasks": as_json(tasks),
        "batch_size": size,
        "cycles": cycles,
        "learning_rate": 1e-4,
        "max_length": 128,
        "seed": settings.seed,
        "device": "cpu",
        "bf16": False,
    }


def _start(
    settings: Settings, findings: Findings, stack: ExitStack, size: int, cycles: int
) -> dict[str, Worker]:
    job = job_of(settings, size, settings.sizes.warm_up + cycles * settings.repetitions)
    found: dict[str, Worker] = {}
    folder, threads = settings.work / f"training{size}", settings.threads
    for name, script in ((OURS, "train"), (PRODUCTS, "multiply")):
        module = f"benchmarks.speed.workers.{script}"
        worker = Worker(name, own_python(), module, job, folder, threads)
        found[name] = stack.enter_context(worker)
    peers = contenders(onednn_matmul.is_faster) if settings.peers else {}
    for name, (where, script, _) in peers.items():
        own = {**job, "onednn": name.endswith(SAME_LIBRARY)}
        try:
            python = python_of(where, settings.folder / "peers")
            worker = Worker(name, python, f"benchmarks.peers.{script}", own, folder, threads)
        except AbsentError as reason:
            findings.absent[name] = str(reason)
            continue
        found[name] = stack.enter_context(worker)
    return found


def contenders(twice: bool) -> dict[str, tuple[str, str, str]]:
    """Return the peers, and if `twice` all of them again with oneDNN."""
    again = {
        name + SAME_LIBRARY: (where, script, f"{ratio}_onednn")
        for name, (where, script, ratio) in PEERS.items()
    }
    return {**PEERS, **(again if twice else {})}


def _take_turns(
    settings: Settings, findings: Findings, workers: dict[str, Worker], cycles: int
) -> Answers:
    answers: Answers = {name: [] for name in workers if name != PRODUCTS}
    for repetition in range(-1, settings.repetitions):  # the first one warms up
        asked = settings.sizes.warm_up if repetition < 0 else cycles
        for name in turns(list(answers), repetition):
            try:
                answer = workers[name].ask(cycles=asked)
            except AbsentError as reason:
                if name == OURS:
                    raise
                findings.absent[name] = str(reason)
                del answers[name]
                continue
            if name == OURS:
                answer |= workers[PRODUCTS].ask(passes=answer["passes"])
            if repetition >= 0:
                answers[name].append(answer)
    return answers


def _report(findings: Findings, size: int, answers: Answers) -> None:
    rates = {
        name: per_second([a["tokens"] for a in own], [a["seconds"] for a in own])
        for name, own in answers.items()
    }
    prefix = "train" if size == 8 else f"train{size}"
    against = {name: ratios(rates[OURS], rates[name]) for name in rates if name != OURS}
    for name, spread in against.items():
        findings.add(f"{prefix}_vs_{contenders(True)[name][2]}", spread)
    for suffix in ("", SAME_LIBRARY):
        own = {n: s for n, s in against.items() if n.endswith(SAME_LIBRARY) == bool(suffix)}
        if own:
            fastest = min(own, key=lambda name: own[name].median)
            number = f"{prefix}_vs_fastest_peer{'_onednn' if suffix else ''}"
            findings.add(number, own[fastest], note=fastest)
    ours = answers[OURS]
    # Share of the products with our library, and with torch's default.
    for name, products in (("", "product_seconds"), ("_default", "default_product_seconds")):
        share = [a[products] / a["seconds"] for a in ours]
        findings.add(f"{prefix}_matmul_share{name}", Spread.of(share))
    findings.add(f"{prefix}_padding_share", Spread.of([_padding(a) for a in ours]))
    rows = [_row(name, rates[name], own) for name, own in answers.items()]
    columns = (
        "",
        "Real tokens/s",
        "(range)",
        "Seconds/cycle",
        "Tokens/cycle",
        "Padding",
        "Peak MB",
        "Loss, first to last",
    )
    findings.tables[f"Training, {size} rows a batch"] = [columns, *rows]
    findings.series[f"training, {size} rows a batch (real tokens/s)"] = {
        name: Spread.of(rate) for name, rate in rates.items()
    }


def _padding(answer: dict[str, Any]) -> float:
    return padding_share(answer["tokens"], answer["positions"])


def _row(name: str, rates: list[float], answers: list[dict[str, Any]]) -> tuple[str, ...]:
    rate = Spread.of(rates)
    cycle = Spread.of([a["seconds"] / a["cycles"] for a in answers])
    tokens, cycles, positions = (
        sum(a[key] for a in answers) for key in ("tokens", "cycles", "positions")
    )
    return (
        name,
        f"{rate.median:,.0f}",
        f"{rate.low:,.0f} to {rate.high:,.0f}",
        f"{cycle.median:.3f}",
        f"{tokens / cycles:,.0f}",
        f"{padding_share(tokens, positions):.0%}",
        f"{max(a['peak_memory'] for a in answers) / 1e6:,.0f}",
        f"{answers[0]['loss']:.3f} to {answers[-1]['loss']:.3f}",
    )
