"""Alerts: differences in two windows in a row."""

from collections.abc import Iterable
from dataclasses import dataclass

from trainer.monitoring.compare import Check, Result
from trainer.monitoring.options import MonitorOptions

# Windows in a row with a difference, of those in which it was tested.
IN_A_ROW = 2


@dataclass
class Alert:
    """A difference in several windows in a row.

    Attributes:
        check: what differs.
        first: number of the first of these windows.
        last: number of the last of them.
        result: of that window.
        is_active: whether it is the last window in which the check was tested.
    """

    check: Check
    first: int
    last: int
    result: Result
    is_active: bool = True


class AlertLog:
    """Finds alerts in the results of windows, which are given in order.

    Args:
        options: of the monitor.

    Attributes:
        alerts: all alerts so far, in the order of their windows.
        tested: check -> the number of windows in which it was tested.
    """

    def __init__(self, options: MonitorOptions):
        self._options = options
        self._streaks: dict[Check, list[int]] = {}
        self._active: dict[Check, Alert] = {}
        self.alerts: list[Alert] = []
        self.tested: dict[Check, int] = {}

    def add(self, number: int, results: Iterable[Result]) -> None:
        """Add the results of a window; checks that were not tested in it stay as they are."""
        for result in results:
            if result.shift is not None:
                self.tested[result.check] = self.tested.get(result.check, 0) + 1
                self._update(number, result)

    def _update(self, number: int, result: Result) -> None:
        check = result.check
        if not result.exceeds(self._options):
            self._streaks.pop(check, None)
            if check in self._active:
                self._active.pop(check).is_active = False
            return
        streak = self._streaks.setdefault(check, [])
        streak.append(number)
        if check in self._active:
            self._active[check].last, self._active[check].result = number, result
        elif len(streak) >= IN_A_ROW:
            self._active[check] = Alert(check, streak[0], number, result)
            self.alerts.append(self._active[check])

    def is_suspected(self, check: Check) -> bool:
        """Return whether the last tested window differs, but not yet enough windows in a row."""
        return check in self._streaks and check not in self._active

    @property
    def active(self) -> list[Alert]:
        """Return the alerts that have not ended."""
        return [alert for alert in self.alerts if alert.is_active]

    @property
    def has_enough(self) -> bool:
        """Return whether a check was tested in enough windows for an alert."""
        return any(count >= IN_A_ROW for count in self.tested.values())
