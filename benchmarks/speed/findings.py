"""The findings of a benchmark run."""

from dataclasses import dataclass, field

from benchmarks.speed.arithmetic import Spread


@dataclass
class Finding:
    """One number, its spread over the repetitions, and a note on the comparison."""

    spread: Spread
    note: str = ""


@dataclass
class Findings:
    """Everything that a report shows.

    Attributes:
        numbers: name in the JSON file -> finding.
        absent: a contender that could not run -> the reason.
        tables: title -> rows, the column names first.
        series: title with unit -> contender -> its spread, for the figure.
        remarks: sentences below the tables.
    """

    numbers: dict[str, Finding] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    tables: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    series: dict[str, dict[str, Spread]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def add(self, name: str, spread: Spread, note: str = "") -> None:
        """Keep a number under its name in the JSON file."""
        self.numbers[name] = Finding(spread, note)
