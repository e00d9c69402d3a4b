"""Trials, the runs of a study, and what a search method decides about them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Trial:
    """A training run of a study.

    Attributes:
        number: from 1, in the order of creation.
        seed: of the run.
        variant: the name of its variant; empty in a study without variants.
        values: option -> its value from the study's space; a task's option is
            `tasks.NAME.FIELD`.
    """

    number: int
    seed: int
    variant: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name of the trial's folder."""
        return f"trial-{self.number:04}"


@dataclass(frozen=True)
class Segment:
    """A part of a trial's training, from one decision of the search method to the next.

    Attributes:
        trial: the trial's number.
        until: the step (cycle) at which it pauses with a checkpoint and an evaluation; None trains
            to the end and writes the model folder.
        start: the step at which it begins.
        donor: the number of the trial from whose checkpoint of step `start` it begins, if not its
            own.
        values: option -> a value of this segment alone, for options that may change during
            training.
    """

    trial: int
    until: int | None = None
    start: int = 0
    donor: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, int | None]:
        """Return what no other segment of the study has: the trial and the end."""
        return self.trial, self.until

    def to_json(self) -> dict[str, Any]:
        """Return the segment as plain data."""
        return asdict(self) | {"values": dict(self.values)}


@dataclass(frozen=True)
class Result:
    """The result of a segment.

    Attributes:
        score: the study's metric, as measured; None if the segment failed.
        metrics: all metrics of the evaluation at its end.
        seconds: wall time.
        error: why it failed, in one line.
        died: whether its process ended without a result.
    """

    score: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None
    died: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return asdict(self) | {"metrics": dict(self.metrics)}


class Method(Protocol):
    """A search method: it decides which segments to train, given the results of earlier ones.

    The same calls in the same order give the same answers, so that a search can be repeated from
    its journal. A class is registered in `METHODS`.

    A class whose trials begin from the checkpoints of others has an attribute `copies`, True.

    Attributes:
        trials: the trials created so far, in the order of their numbers.
    """

    trials: list[Trial]

    def ask(self) -> Segment | None:
        """Return the next segment; None if none can start before a result is known."""
        ...

    def tell(self, segment: Segment, result: Result) -> None:
        """Take the result of a segment."""
        ...

    @property
    def done(self) -> bool:
        """Return whether every segment has been asked for, and its result is known."""
        ...
