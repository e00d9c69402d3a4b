"""A monitor's results in Prometheus' text format, for a text-file collector."""

from collections.abc import Iterable, Mapping

from trainer.monitoring.result import Monitored

PREFIX = "hybrid_mtl_monitor_"
Sample = tuple[Mapping[str, str], float]


def metrics_text(found: Monitored) -> str:
    """Return the state after the last complete window; checks that were not tested have no p."""
    model = {"model": found.model}
    active = {alert.check for alert in found.log.active}
    alerts: list[Sample] = []
    effects: list[Sample] = []
    p_values: list[Sample] = []
    for result in found.last_results:
        check = result.check
        labels = {**model, "task": check.task, "measure": check.measure, "group": check.group}
        alerts.append((labels, float(check in active)))
        if result.shift is not None and result.p_holm is not None:
            effects.append((labels, result.shift.effect))
            p_values.append((labels, result.p_holm))
    rows = [
        ({**model, "task": name}, float(trends.n))
        for window in found.windows[-1:]
        for name, trends in window.trends.items()
    ]
    times = [(model, window.end) for window in found.windows[-1:]]
    lines = [({**model, "kind": name}, float(count)) for name, count in found.lines.items()]
    parts = [
        _metric("alert", "1 if the check has an alert", alerts),
        _metric("alerts", "number of alerts now", [(model, float(len(found.log.active)))]),
        _metric("effect", "size of the difference in the last window", effects),
        _metric("p_holm", "p of the difference in the last window, after Holm", p_values),
        _metric("answers", "answers in the last window", rows),
        _metric("windows", "complete windows", [(model, float(len(found.windows)))]),
        _metric("window_end_seconds", "end of the last window, Unix time", times),
        _metric("lines", "lines of the log, by kind", lines),
    ]
    return "".join(parts)


def _metric(name: str, help: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP {PREFIX}{name} {help}", f"# TYPE {PREFIX}{name} gauge"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        lines.append(f"{PREFIX}{name}{{{inside}}} {value!r}")
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
