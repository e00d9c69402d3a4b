"""Inference: our pipeline, single-task models, sentence vectors and exports, alternating.

`three heads` is a model with three tasks of one text. It is compared with three models of one task
each: in the pipelines of transformers, and in our own. The default tasks are compared, too: two
tasks of a pair and one of its first text.
"""

from contextlib import ExitStack
from typing import Any

import numpy as np

from benchmarks.speed.arithmetic import Spread, per_second, ratios, turns
from benchmarks.speed.environments import python_of
from benchmarks.speed.findings import Findings
from benchmarks.speed.processes import AbsentError, Worker, own_python
from benchmarks.speed.rows import Task, as_json, draw, read_tasks, weights
from benchmarks.speed.settings import Settings
from benchmarks.speed.training import job_of

BATCH = 32
OURS = "hybrid-mtl"
OWN_WAYS = (
    "one head",
    "three heads",
    "three models of ours",
    "default tasks",
    "embed",
    "torch",
    "float",
    "int8",
)
OWN_CALLS = (
    "one call",
    "one call, three heads",
    "embed one call",
    "float, one call",
    "int8, one call",
)
# Name -> its environment, its module, and its ways of prediction.
PEERS = {
    "transformers": (
        "transformers",
        "transformers_pipelines",
        ("three models", "three models on pairs", "one call"),
    ),
    "sentence-transformers": (
        "sentence-transformers",
        "sentence_transformers_encode",
        ("embed", "embed one call"),
    ),
}
# Ratio of speeds -> numerator and denominator.
SPEEDS = {
    "infer_all_vs_three_models": ((OURS, "three heads"), ("transformers", "three models")),
    "infer_all_vs_three_models_of_ours": ((OURS, "three heads"), (OURS, "three models of ours")),
    "infer_default_tasks_vs_three_models": (
        (OURS, "default tasks"),
        ("transformers", "three models on pairs"),
    ),
    "embed_vs_sentence_transformers": ((OURS, "embed"), ("sentence-transformers", "embed")),
    "embed_latency_vs_sentence_transformers": (
        (OURS, "embed one call"),
        ("sentence-transformers", "embed one call"),
    ),
    "latency_vs_transformers": ((OURS, "one call"), ("transformers", "one call")),
    "onnx_vs_torch": ((OURS, "float"), (OURS, "torch")),
    "int8_vs_float": ((OURS, "int8"), (OURS, "float")),
    "int8_latency_vs_float": ((OURS, "int8, one call"), (OURS, "float, one call")),
}
Way = tuple[str, str]


def measure(settings: Settings, findings: Findings) -> None:
    """Train and export a model, unless one was given, and time its and others' predictions."""
    print("inference: training and exporting a model ...", flush=True)
    job = _job(settings)
    print("inference ...", flush=True)
    with ExitStack() as stack:
        workers = _start(settings, findings, stack, job)
        seconds = _take_turns(settings, findings, workers)
        scores = {p: workers[OURS].ask(score=p)["score"] for p in ("float", "int8")}
    _report(findings, seconds, job)
    loss = scores["float"] - scores["int8"]
    note = f"overall score {scores['float']:.2f} in float, {scores['int8']:.2f} in int8"
    findings.add("int8_score_loss", Spread.of([loss]), note=note)


def _job(settings: Settings) -> dict[str, Any]:
    cycles = 0 if settings.model else settings.sizes.model_cycles
    making = job_of(settings, 16, cycles)
    making["model"] = settings.model or str(settings.work / "model")
    making["onnx"] = str(settings.work / "onnx")
    module = "benchmarks.speed.workers.make_model"
    Worker("model", own_python(), module, making, settings.work, settings.threads).close()
    tasks = read_tasks(settings, "validation")
    sizes = settings.sizes
    scored = {
        name: Task(**{**vars(task), "rows": task.rows[: sizes.score_rows]})
        for name, task in draw(tasks, max(len(t.rows) for t in tasks.values()), 0).items()
    }
    texts, pairs = some_texts(tasks, sizes.texts, settings.seed)
    return {
        "weights": weights(settings),
        "model": making["model"],
        "onnx": making["onnx"],
        "threads": settings.threads,
        "max_length": making["max_length"],
        "batch_size": BATCH,
        "texts": texts,
        "pairs": pairs,
        "single_texts": texts[: sizes.single_texts],
        "single_task": next(name for name, task in tasks.items() if not task.pair),
        "tasks": as_json(scored),
    }


def some_texts(
    tasks: dict[str, Task], count: int, seed: int
) -> tuple[list[str], list[dict[str, str]]]:
    """Return `count` texts of all tasks in random order, and half as many pairs of pair tasks."""
    texts: list[str] = []
    pairs: list[dict[str, str]] = []
    for task in draw(tasks, count, seed).values():
        texts += [row["text"] for row in task.rows]
        if task.pair:
            pairs += [{"text": row["text"], "text_pair": row["text_pair"]} for row in task.rows]
    random = np.random.default_rng(seed)
    chosen = [texts[i] for i in random.permutation(len(texts))[:count]]
    return chosen, [pairs[i] for i in random.permutation(len(pairs))[: count // 2]]


def _start(
    settings: Settings, findings: Findings, stack: ExitStack, job: dict[str, Any]
) -> dict[str, Worker]:
    folder, threads = settings.work / "inference", settings.threads
    module = "benchmarks.speed.workers.predict"
    found = {OURS: stack.enter_context(Worker(OURS, own_python(), module, job, folder, threads))}
    for name, (where, script, _) in PEERS.items() if settings.peers else ():
        try:
            python = python_of(where, settings.folder / "peers")
            module = f"benchmarks.peers.{script}"
            found[name] = stack.enter_context(Worker(name, python, module, job, folder, threads))
        except AbsentError as reason:
            findings.absent[f"{name} (inference)"] = str(reason)
    return found


def _take_turns(
    settings: Settings, findings: Findings, workers: dict[str, Worker]
) -> dict[Way, list[float]]:
    ways = [(OURS, way) for way in (*OWN_WAYS, *OWN_CALLS)]
    ways += [(name, way) for name in workers if name in PEERS for way in PEERS[name][2]]
    seconds: dict[Way, list[float]] = {way: [] for way in ways}
    for repetition in range(-1, settings.repetitions):  # the first one warms up
        for index in turns(range(len(ways)), repetition):
            name, way = ways[index]
            taken = workers[name].ask(way=way)["seconds"]
            if repetition >= 0:
                seconds[name, way].append(taken)
    return seconds


def _report(findings: Findings, seconds: dict[Way, list[float]], job: dict[str, Any]) -> None:
    for name, (fast, slow) in SPEEDS.items():
        if fast in seconds and slow in seconds:
            findings.add(name, ratios(seconds[slow], seconds[fast]))
    three, one = (seconds[OURS, way] for way in ("three heads", "one head"))
    findings.add("infer_three_heads_vs_one", ratios(three, one))
    many, single, rows = [], [], []
    for (name, way), taken in seconds.items():
        calls = "one call" in way
        count = len(job["single_texts"] if calls else job["texts"])
        if way in ("default tasks", "three models on pairs"):
            count = len(job["pairs"])
        rate = Spread.of(per_second([count] * len(taken), taken))
        latency = Spread.of([1000 * t / count for t in taken])
        cell = (name, way)
        if calls:
            single.append(
                (*cell, f"{latency.median:.1f}", f"{latency.low:.1f} to {latency.high:.1f}")
            )
        else:
            many.append((*cell, f"{rate.median:,.0f}", f"{rate.low:,.0f} to {rate.high:,.0f}"))
            rows.append((f"{name}: {way}", rate))
    findings.tables[f"Inference, {job['batch_size']} rows a batch"] = [
        ("", "Way", "Rows/s", "(range)"),
        *many,
    ]
    findings.tables["Inference, one text a call"] = [("", "Way", "ms", "(range)"), *single]
    findings.series["inference (rows/s)"] = dict(rows)
