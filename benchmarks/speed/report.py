"""Write the findings as a table, a figure and a JSON file."""

import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.speed.chart import draw
from benchmarks.speed.findings import Finding, Findings
from benchmarks.speed.goals import goal_of
from benchmarks.speed.settings import Settings


def write(findings: Findings, settings: Settings) -> str:
    """Write `bench.json`, `bench.md` and `bench.png`; return the text of the second."""
    folder = settings.folder
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {name: found.spread.median for name, found in findings.numbers.items()}
    (folder / "bench.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    text = as_text(findings, settings)
    (folder / "bench.md").write_text(text, encoding="utf-8")
    if findings.series:
        draw(findings, folder / "bench.png")
    return text


def as_text(findings: Findings, settings: Settings) -> str:
    """Return all in Markdown: the ratios with their goals, the tables, and absent contenders."""
    parts = [f"# Benchmark\n\n{_machine(settings)}\n"]
    rows = [_ratio_row(name, found) for name, found in findings.numbers.items()]
    head = ("Number", "Median", "(range)", "Goal", "Met", "")
    parts.append(f"## Numbers\n\n{as_table([head, *rows])}\n")
    for title, table in findings.tables.items():
        parts.append(f"## {title}\n\n{as_table(table)}\n")
    if findings.absent:
        lines = "\n".join(f"- {name}: {reason}" for name, reason in findings.absent.items())
        parts.append(f"## Absent\n\n{lines}\n")
    parts += [f"{remark}\n" for remark in findings.remarks]
    return "\n".join(parts)


def as_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned in plain text, too."""
    widths = [max(3, *(len(row[i]) for row in rows)) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "| " + " | ".join("-" * width for width in widths) + " |"
    return "\n".join([lines[0], rule, *lines[1:]])


def _ratio_row(name: str, found: Finding) -> tuple[str, ...]:
    spread, goal = found.spread, goal_of(name)
    met = "" if goal is None else ("yes" if goal.met(spread.median) else "no")
    between = "" if spread.low == spread.high else f"{spread.low:.3f} to {spread.high:.3f}"
    return name, f"{spread.median:.3f}", between, str(goal or ""), met, found.note


def _machine(settings: Settings) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
    data = "the shipped sample" if settings.data_dir == "sample" else "a folder of its own"
    return (
        f"{_processor()}, {settings.threads} threads, {settings.repetitions} repetitions; Python "
        f"{platform.python_version()}, {versions}; data: {data}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
