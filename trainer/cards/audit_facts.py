"""The facts of an audit for the model card."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class AuditFacts:
    """The results of `hybrid-mtl audit`, without texts of the data."""

    data: list[str] = field(default_factory=list)  # names of files
    rows: dict[str, int] = field(default_factory=dict)  # task -> labeled rows
    factors: list[str] = field(default_factory=list)  # the columns of the groups
    min_rows: int = 30  # groups with fewer are not tested
    tests: int = 0  # tested differences
    findings: list[dict[str, Any]] = field(default_factory=list)  # significant differences
    # measure -> the least and the greatest of the smallest detectable differences
    detectable: dict[str, list[float]] = field(default_factory=dict)
    small_groups: dict[str, int] = field(default_factory=dict)  # group -> rows, below the minimum
    terms: list[dict[str, Any]] = field(default_factory=list)  # by task, axis and side
    term_findings: list[dict[str, Any]] = field(default_factory=list)  # significant shifts
    worst: list[dict[str, Any]] = field(default_factory=list)  # largest shifts, a few per task
    behavior: list[dict[str, Any]] = field(default_factory=list)  # by task and check
    own_terms: bool = False  # of the user, not of the project
    skipped: dict[str, str] = field(default_factory=dict)  # task -> reason
    figures: list[tuple[str, str]] = field(default_factory=list)  # caption, path from the card
