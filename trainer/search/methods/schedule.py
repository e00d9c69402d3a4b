"""Runs whose values change at fixed steps, such as those of the winner of a population."""

from typing import Any

from trainer.errors import InputError
from trainer.search.merge import merge
from trainer.search.methods.changeable import check_changeable
from trainer.search.methods.fixed import every_seed
from trainer.search.methods.population import PopulationMethod, ends_of
from trainer.search.methods.registry import METHODS
from trainer.search.methods.settings import check_settings
from trainer.search.space import Choice
from trainer.search.study import Study
from trainer.search.trials import Result, Segment


@METHODS.register("schedule")
class Schedule:
    """Trains with one value of each list after the other, an interval each.

    Every seed and variant is trained once. The optimizers and the schedules of the learning rates
    go on from interval to interval; phases would begin them anew.

    Args:
        study: the study; its space consists of lists with a value for each interval.

    Raises:
        InputError: for lists of another length, and for options that may not change while training
            goes on.
    """

    def __init__(self, study: Study):
        check_settings(study, ("space", "cycles", "interval"), ("trials", "minutes"))
        check_changeable(study)
        ends = ends_of(study)
        _check_lengths(study, len(ends))
        rounds = [
            {option: dimension.extremes[n] for option, dimension in study.space.items()}
            for n in range(len(ends))
        ]
        starts = [0, *(end for end in ends if end is not None)]
        self._intervals = list(zip(ends, starts, rounds, strict=True))
        self.trials = every_seed(study, rounds[:1])
        self._ready = [(trial.number, 0) for trial in self.trials]  # and the interval to train
        self._unfinished = {trial.number for trial in self.trials}

    def ask(self) -> Segment | None:
        """Return the next interval of a run."""
        if not self._ready:
            return None
        number, interval = self._ready.pop(0)
        until, start, values = self._intervals[interval]
        return Segment(number, until, start, values=values)

    def tell(self, segment: Segment, result: Result) -> None:
        """Take the result of an interval; the run goes on, unless it failed."""
        if segment.until is None or result.error is not None:
            self._unfinished.remove(segment.trial)
            return
        interval = [until for until, *_ in self._intervals].index(segment.until)
        self._ready.insert(0, (segment.trial, interval + 1))

    @property
    def done(self) -> bool:
        """Return whether every run is finished."""
        return not self._unfinished


def _check_lengths(study: Study, count: int) -> None:
    for option, dimension in study.space.items():
        if not isinstance(dimension, Choice) or len(dimension.values) != count:
            raise InputError(
                f"space: {option}: method: schedule needs a list of {count} values, one for each "
                f"{study.interval} of the {study.cycles} cycles"
            )


def lineage(method: PopulationMethod, trial: int) -> list[Segment]:
    """Return the segments through which a member's weights went, from the first step on.

    Args:
        method: the population-based method.
        trial: the number of the member.

    Raises:
        ValueError: if the member has not been trained to its end.
    """
    by_end = {segment.key: segment for segment in method.segments}
    if (trial, None) not in by_end:
        raise ValueError(f"trial {trial} has not been trained to its end")
    path = [by_end[trial, None]]
    while path[0].start > 0:
        first = path[0]
        path.insert(0, by_end[first.trial if first.donor is None else first.donor, first.start])
    return path


def schedule_of(method: PopulationMethod, trial: int) -> dict[str, Any]:
    """Return a study, as in its file, that trains what a member lived through once more.

    It trains in one go what was trained in several members, with the same batches.

    Args:
        method: the population-based method.
        trial: the number of the member.
    """
    study, chosen = method.study, method.trials[trial - 1]
    path = lineage(method, trial)
    return {
        "options": merge(study.options, study.variants.get(chosen.variant, {})),
        "output_dir": str(study.folder / "schedule"),
        "method": "schedule",
        "seeds": [chosen.seed],
        "space": {option: [segment.values[option] for segment in path] for option in study.space},
        "cycles": study.cycles,
        "interval": study.interval,
        "threads": study.threads,
        "study_metric": study.study_metric,
    }
