"""What a run of the benchmark found."""

from dataclasses import dataclass, field

from benchmarks.speed.arithmetic import Spread


@dataclass
class Finding:
    """One number, its spread over the repetitions, and a word on what it was measured against."""

    spread: Spread
    note: str = ""


@dataclass
class Findings:
    """Everything that a report shows.

    Attributes:
        numbers: name in the JSON file -> what was found.
        absent: a contender that could not take part -> the reason.
        tables: title -> rows, the column names first.
        series: title with unit -> contender -> its spread, for the picture.
        remarks: sentences that belong below the tables.
    """

    numbers: dict[str, Finding] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    tables: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    series: dict[str, dict[str, Spread]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def add(self, name: str, spread: Spread, note: str = "") -> None:
        """Keep a number under its name in the JSON file."""
        self.numbers[name] = Finding(spread, note)
