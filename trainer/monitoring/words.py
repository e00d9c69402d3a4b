"""Sentences about checks and alerts, for people."""

from datetime import UTC, datetime

from trainer.monitoring.alerts import Alert
from trainer.monitoring.compare import Check, Result

# Measure -> its name, and what an effect of a size says.
MEASURES: dict[str, tuple[str, str]] = {
    "labels": ("predicted labels", "the shares of the labels differ by {effect:.0%}"),
    "score": ("scores", "the share of answers below some score differs by {effect:.0%}"),
    "confidence": (
        "confidence",
        "the share of answers below some confidence differs by {effect:.0%}",
    ),
    "tokens": ("length of texts", "the share of texts below some length differs by {effect:.0%}"),
    "unknown": (
        "unknown words",
        "the share of texts below some share of unknown words differs by {effect:.0%}",
    ),
    "truncated": ("truncated texts", "their share differs by {effect:.1%}"),
    "vectors": ("topics and wording", "the distance of the sentence vectors is {effect:.2f}"),
    "corrected": ("corrected answers", "their share differs by {effect:.1%}"),
}


def name_of(check: Check) -> str:
    """Return the task, the group and the measure of a check."""
    group = f", {check.group}" if check.group else ""
    return f"{check.task}{group}: {MEASURES[check.measure][0]}"


def describe(result: Result) -> str:
    """Return the size of a difference, with its test."""
    if result.shift is None or result.p_holm is None:
        return result.reason
    shift = result.shift
    size = MEASURES[result.check.measure][1].format(effect=shift.effect)
    detail = f"; {result.detail}" if result.detail else ""
    return (
        f"{size}{detail} (p = {result.p_holm:.2g} after Holm, n = {shift.n:,} against "
        f"{shift.reference_n:,})"
    )


def alert_sentence(alert: Alert, start: float, end: float) -> str:
    """Return an alert as a sentence.

    Args:
        alert: the alert.
        start: of its first window, in seconds.
        end: of its last window, in seconds.
    """
    count = alert.last - alert.first + 1
    until = "" if alert.is_active else f" to {time_of(end)}, and no more"
    return (
        f"{name_of(alert.check)}: differs in {count} windows from {time_of(start)}{until}: "
        f"{describe(alert.result)}"
    )


def time_of(seconds: float) -> str:
    """Return a time in UTC, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
