"""Servers under the same load, alternating, and one client against the bare pipeline.

Ours predicts three tasks of a text in one pass; its rival is a FastAPI app around three pipelines
of transformers with a task each. For sentence vectors it is sentence-transformers behind FastAPI.
"""

import asyncio
import json
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.speed.arithmetic import Spread, ratios, turns
from benchmarks.speed.environments import python_of
from benchmarks.speed.findings import Findings
from benchmarks.speed.inference import some_texts
from benchmarks.speed.load import NO_SPINNING, Load, Server, answer, request, run_load
from benchmarks.speed.processes import AbsentError, Worker, own_python
from benchmarks.speed.rows import read_tasks, weights
from benchmarks.speed.settings import Settings

CLIENTS = 16
MAX_LENGTH = 128
OURS = "hybrid-mtl"
# Name -> its environment and its module.
PEERS = {
    "transformers": ("transformers", "pipelines_server"),
    "sentence-transformers": ("sentence-transformers", "sentence_transformers_server"),
}
# Way -> contender and path.
WAYS = {
    "three tasks": (OURS, "/predict"),
    "three pipelines": ("transformers", "/predict"),
    "vectors": (OURS, "/embed"),
    "vectors of sentence-transformers": ("sentence-transformers", "/embed"),
}
RATES = {
    "serve_all_vs_three_pipelines": ("three tasks", "three pipelines"),
    "serve_embed_vs_sentence_transformers": ("vectors", "vectors of sentence-transformers"),
}


def measure(settings: Settings, findings: Findings) -> None:
    """Add the rates and latencies of all servers, and the latency of one client."""
    print("serving ...", flush=True)
    folder = settings.work / "serving"
    texts, _ = some_texts(read_tasks(settings, "validation"), settings.sizes.texts, settings.seed)
    single = texts[: settings.sizes.single_texts]
    job = {
        "weights": weights(settings),
        "model": str(folder / "model"),
        "max_length": MAX_LENGTH,
        "texts": single,
    }
    worker = "benchmarks.speed.workers"
    python, threads = own_python(), settings.threads
    Worker("make", python, f"{worker}.make_heads", job, folder, threads).close()
    with ExitStack() as stack:
        servers = _start(settings, findings, stack, job, folder)
        module = f"{worker}.bare_pipeline"
        bare = Worker("bare", python, module, job, folder, threads, NO_SPINNING)
        stack.enter_context(bare)
        loads = _take_turns(settings, servers, texts)
        alone = _one_client(settings, servers[OURS], bare, single)
    _report(findings, loads)
    findings.add("serve_one_client_vs_pipeline", alone)


def _start(
    settings: Settings, findings: Findings, stack: ExitStack, job: dict[str, Any], folder: Path
) -> dict[str, Server]:
    ours = [str(own_python()), "scripts/serve.py", job["model"], "--port", "{port}"]
    ours += ["--threads", str(settings.threads)]
    found = {OURS: stack.enter_context(closing(Server(OURS, ours, folder, settings.threads)))}
    for name, (where, module) in PEERS.items() if settings.peers else ():
        try:
            python = python_of(where, settings.folder / "peers")
            path = folder / f"{name}.json"
            command = [str(python), "-m", f"benchmarks.peers.{module}", str(path), "{port}"]
            path.write_text(json.dumps(job), encoding="utf-8")
            server = Server(name, command, folder, settings.threads)
            found[name] = stack.enter_context(closing(server))
        except AbsentError as reason:
            findings.absent[f"{name} (serving)"] = str(reason)
    return found


def _requests(path: str, texts: list[str]) -> list[bytes]:
    return [request(path, json.dumps({"inputs": text}).encode()) for text in texts]


def _take_turns(
    settings: Settings, servers: dict[str, Server], texts: list[str]
) -> dict[str, list[Load]]:
    loads: dict[str, list[Load]] = {way: [] for way, (name, _) in WAYS.items() if name in servers}
    for repetition in range(-1, settings.repetitions):  # the first one warms up
        for way in turns(list(loads), max(repetition, 0)):
            name, path = WAYS[way]
            load = run_load(servers[name].port, _requests(path, texts), CLIENTS)
            if repetition >= 0:
                loads[way].append(load)
    return loads


def _one_client(settings: Settings, server: Server, bare: Worker, texts: list[str]) -> Spread:
    """Return the ratios of median latencies: of the server with one client, and of the pipeline.

    Each text goes to both in turn, so that temporary slowdowns affect both.
    """
    requests = _requests("/predict", texts)

    async def compare() -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        served, called = [], []
        for text, sent in zip(texts, requests, strict=True):
            called.append(bare.ask(text=text)["seconds"])
            start = time.perf_counter()
            await answer(reader, writer, sent)
            served.append(time.perf_counter() - start)
        writer.close()
        return median(served) / median(called)

    asyncio.run(compare())  # warms up
    return Spread.of([asyncio.run(compare()) for _ in range(settings.repetitions)])


def _report(findings: Findings, loads: dict[str, list[Load]]) -> None:
    rates = {way: [load.rate for load in taken] for way, taken in loads.items()}
    for name, (fast, slow) in RATES.items():
        if slow in rates:
            findings.add(name, ratios(rates[fast], rates[slow]))
    ours = loads["three tasks"]
    findings.add(
        "serve_p99_vs_p50", Spread.of([load.quantile(0.99) / load.quantile(0.5) for load in ours])
    )
    rows: list[tuple[str, ...]] = [("", "Way", "Requests/s", "(range)", "p50 ms", "p99 ms")]
    for way, taken in loads.items():
        rate = Spread.of(rates[way])
        middle, high = (
            Spread.of([1000 * load.quantile(share) for load in taken]).median
            for share in (0.5, 0.99)
        )
        span = f"{rate.low:,.0f} to {rate.high:,.0f}"
        cells = (f"{rate.median:,.0f}", span, f"{middle:.0f}", f"{high:.0f}")
        rows.append((WAYS[way][0], way, *cells))
    findings.tables[f"Serving, {CLIENTS} clients, one text a request"] = rows
    findings.series["serving (requests/s)"] = {
        f"{WAYS[way][0]}: {way}": Spread.of(rate) for way, rate in rates.items()
    }
