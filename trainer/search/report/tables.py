"""The report's tables: `study.csv`, with a line for each run, and the one for the console."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.search.report import formats

_MAX_LINES = 20


def runs_csv(content: Mapping[str, Any]) -> str:
    """Return a line for each run: its variant, seed, values, score, metrics, time and error."""
    runs = content["runs"]
    metrics = sorted({name for run in runs for name in run["metrics"]})
    facts = ["trial", "variant", "seed"]
    outcome = ["score", "seconds", "paused", "error"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*facts, *content["space"], *outcome, *metrics])
    for run in runs:
        writer.writerow(
            [
                *(run[name] for name in facts),
                *(run["values"].get(option) for option in content["space"]),
                *(run[name] for name in outcome),
                *(run["metrics"].get(name) for name in metrics),
            ]
        )
    return text.getvalue()


def ordered(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the table: variants as in the study, otherwise the best first."""
    return best_first(content) if content["baseline"] is None else list(content["rows"])


def best_first(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows, the one with the best mean first."""
    sign = -1 if content["greater_is_better"] else 1

    def order(row: Mapping[str, Any]) -> tuple[bool, float]:
        found = row["metrics"].get(content["metric"])
        return found is None, 0.0 if found is None else sign * found["value"]

    return sorted(content["rows"], key=order)


def console_table(content: Mapping[str, Any]) -> str:
    """Return a compact table: a line for each set of runs that differ in their seeds alone."""
    rows = ordered(content)
    compares = content["baseline"] is not None
    lines = [["", content["metric"], "runs", *(["difference", "shown"] if compares else [])]]
    for row in rows[:_MAX_LINES]:
        found, gap = row["metrics"].get(content["metric"]), row["difference"]
        line = [row["name"], formats.mean(found), str(found["runs"] if found else 0)]
        if compares:
            line += [formats.difference(gap), gap["verdict"] if gap else formats.MISSING]
        lines.append(line)
    text = _aligned(lines)
    more = len(rows) - _MAX_LINES
    return f"{text}\n... and {more} more in README.md" if more > 0 else text


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
