"""The files of a monitor: `alerts.json`, `report.html` and `metrics.prom`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from trainer.monitoring.compare import Result
from trainer.monitoring.feedback import SELECTED
from trainer.monitoring.prometheus import metrics_text
from trainer.monitoring.report_charts import TaskCharts
from trainer.monitoring.result import ALERT, FINE, Monitored
from trainer.monitoring.timeline import trends_of_rates
from trainer.monitoring.words import alert_sentence, describe, name_of, time_of
from trainer.saving.files import write_json, write_text
from trainer.statistics import SIGNIFICANCE, wilson

ALERTS, REPORT, METRICS = "alerts.json", "report.html", "metrics.prom"
# The last ones, in the charts: the page stays small.
MAX_WINDOWS = 120
MAX_ALERTS = 100
MAX_TASKS = 12


def write_outputs(found: Monitored, folder: Path) -> None:
    """Write the three files, each of which replaces an older one at once.

    Raises:
        InputError: if they cannot be written.
    """
    write_json(folder / ALERTS, alerts_json(found))
    write_text(folder / REPORT, report_html(found))
    write_text(folder / METRICS, metrics_text(found))


def alerts_json(found: Monitored) -> dict[str, Any]:
    """Return the alerts and the last window's results as JSON."""
    starts = {window.number: window.start for window in found.windows}
    ends = {window.number: window.end for window in found.windows}
    return {
        "model": found.model,
        "version": found.reference.version,
        "status": found.status,
        "summary": found.summary(),
        "window": found.options.window,
        "min_rows": found.options.min_rows,
        "significance": SIGNIFICANCE,
        "windows": len(found.windows),
        "from": time_of(found.windows[0].start) if found.windows else None,
        "to": time_of(found.windows[-1].end) if found.windows else None,
        "pending_answers": found.pending,
        "alerts": [
            {
                **_check_json(alert.result, found),
                "active": alert.is_active,
                "since": time_of(starts[alert.first]),
                "until": time_of(ends[alert.last]),
                "windows": alert.last - alert.first + 1,
                "sentence": sentence,
            }
            for alert, sentence in zip(found.log.alerts, sentences(found), strict=True)
        ],
        "last_window": [_check_json(result, found) for result in found.last_results],
        "feedback": {task: _feedback_json(found, task) for task in found.reference.tasks},
        "feedback_note": SELECTED,
        "lines": dict(found.lines),
    }


def sentences(found: Monitored) -> list[str]:
    """Return all alerts as sentences, in their order."""
    starts = {window.number: window.start for window in found.windows}
    ends = {window.number: window.end for window in found.windows}
    return [
        alert_sentence(alert, starts[alert.first], ends[alert.last]) for alert in found.log.alerts
    ]


def _check_json(result: Result, found: Monitored) -> dict[str, Any]:
    check, shift = result.check, result.shift
    content: dict[str, Any] = {"task": check.task, "measure": check.measure}
    if check.group:
        content["group"] = check.group
    if shift is None:
        return {**content, "tested": False, "reason": result.reason}
    return {
        **content,
        "tested": True,
        "differs": result.exceeds(found.options),
        "effect": shift.effect,
        "least_effect": found.options.least_effect(check.measure),
        "p_holm": result.p_holm,
        "n": shift.n,
        "reference_n": shift.reference_n,
    }


def _feedback_json(found: Monitored, task: str) -> dict[str, Any]:
    counts, rates = found.feedback(task), found.reference.tasks[task].rates
    right = counts.right()
    return {
        "answers": found.answers(task),
        "corrected": counts.corrected,
        "confirmed": counts.confirmed,
        "right_of_those_with_feedback": right[0] if right else None,
        "interval": right[1] if right else None,
        "accuracy_when_trained": rates.right / rates.labeled if rates.labeled else None,
        "rows_when_trained": rates.labeled,
    }


def report_html(found: Monitored) -> str:
    """Return the page, which needs no other files."""
    windows = found.windows[-MAX_WINDOWS:]
    period = "No complete window"
    if found.windows:
        first, last = time_of(found.windows[0].start), time_of(found.windows[-1].end)
        period = f"{len(found.windows)} windows from {first} to {last} (UTC)"
        if len(windows) < len(found.windows):
            period += f"; the charts show the last {len(windows)}"
    tasks = [name for name in found.reference.tasks if found.answers(name)]
    shown = tasks[:MAX_TASKS]
    newest_first = sentences(found)[::-1]
    if len(newest_first) > MAX_ALERTS:
        older = len(newest_first) - MAX_ALERTS
        newest_first[MAX_ALERTS:] = [f"{older} earlier alerts are in {ALERTS}."]
    return _template().render(
        model=found.model,
        version=found.reference.version,
        period=period,
        window=str(found.options.size),
        status={ALERT: "alert", FINE: "fine"}.get(found.status, "few"),
        summary=found.summary(),
        significance=SIGNIFICANCE,
        alerts=newest_first,
        checks=_check_tables(found),
        tasks=[_task_section(found, name) for name in shown],
        feedback=[_feedback_row(found, name) for name in tasks if found.feedback(name).n],
        selected=SELECTED,
        lines=[*found.line_counts(), *_left_out(found, tasks, shown)],
    )


def _left_out(found: Monitored, tasks: list[str], shown: list[str]) -> list[tuple[str, int]]:
    rows = [("answers after the last complete window", found.pending)]
    if len(shown) < len(tasks):
        rows.append(("tasks without charts here", len(tasks) - len(shown)))
    return rows


def _check_tables(found: Monitored) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the differences first, then what does not differ, then what was not tested."""
    rows = [_check_row(result, found) for result in found.last_results]
    differs = [row for row in rows if row["differs"]]
    same = [row for row in rows if row["is_tested"] and not row["differs"]]
    untested = [row for row in rows if not row["is_tested"]]
    tables = [
        (f"Differences: {len(differs)}", differs),
        (f"No difference: {len(same)}", same),
        (f"Not tested: {len(untested)}", untested),
    ]
    return [(title, part) for title, part in tables if part]


def _check_row(result: Result, found: Monitored) -> dict[str, Any]:
    shift, log = result.shift, found.log
    differs = result.exceeds(found.options)
    state = "differs" if log.is_suspected(result.check) else "alert" if differs else "no difference"
    least = found.options.least_effect(result.check.measure)
    return {
        "name": name_of(result.check),
        "state": "not tested" if shift is None else state,
        "differs": differs,
        "is_tested": shift is not None,
        "text": describe(result),
        "size": "" if shift is None else f"{shift.effect:.3f}",
        "least": f"{least:g}",
    }


def _task_section(found: Monitored, name: str) -> Mapping[str, Any]:
    task = found.reference.tasks[name]
    windows = found.windows[-MAX_WINDOWS:]
    reference = trends_of_rates(task.rates, task.kind)
    charts = TaskCharts(name, windows, reference, found.log.alerts, found.options).draw()
    facts = f"{found.answers(name):,} answers; the reference has {task.rates.n:,}."
    return {"name": name, "charts": charts, "facts": facts}


def _feedback_row(found: Monitored, name: str) -> dict[str, Any]:
    counts, rates = found.feedback(name), found.reference.tasks[name].rates
    trained = "not known"
    if rates.labeled:
        low, high = wilson(rates.right, rates.labeled)
        trained = _share(rates.right / rates.labeled, (low, high), rates.labeled)
    right = counts.right()
    return {
        "task": name,
        "answers": f"{found.answers(name):,}",
        "n": f"{counts.n:,}",
        "confirmed": f"{counts.confirmed:,}",
        "right": _share(*right, counts.n) if right else "no feedback",
        "trained": trained,
    }


def _share(value: float, interval: tuple[float, float], n: int) -> str:
    return f"{value:.1%} ({interval[0]:.1%} to {interval[1]:.1%}, n = {n:,})"


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja")
