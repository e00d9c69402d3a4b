"""The disk space of a study: which checkpoints and models stay."""

import math
import shutil
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

from trainer.saving.checkpoints import PREFIX
from trainer.saving.run_folder import CHECKPOINTS
from trainer.search.study import Study
from trainer.search.trials import Result, Segment, Trial

# In the folder of a finished trial; its metrics, reports, card and figures stay.
_WEIGHTS = ("model*.safetensors*", "adapters", "merged", "phases")


class Storage:
    """Deletes what the rest of a search does not need.

    A finished trial loses its checkpoints, and with `keep: best` all finished trials but the best
    so far lose their models.

    Args:
        study: the study.
        copies: whether trials of the same seed and variant begin from each other's checkpoints.
        score: returns the score of a result by which models are compared, None if it has none.

    Attributes:
        best: the finished trial with the best score so far, the earlier one of equals.
    """

    def __init__(
        self,
        study: Study,
        copies: bool = False,
        score: Callable[[Result], float | None] = attrgetter("score"),
    ):
        self.study, self.copies, self.score = study, copies, score
        self.best: Trial | None = None
        self._best_score = -math.inf
        self._reached: dict[int, float] = {}

    def kept(self, trial: Trial, step: int) -> Path:
        """Return where the checkpoint is kept with which a trial paused at a step."""
        return self.study.folder / "checkpoints" / trial.name / f"{PREFIX}{step}"

    def tidy(self, trials: list[Trial], segment: Segment, result: Result, *, done: bool) -> None:
        """Delete what is not needed after a result, which is in the journal.

        Args:
            trials: all trials so far.
            segment: that has ended.
            result: its result.
            done: whether the search is over.
        """
        trial = trials[segment.trial - 1]
        # A failed member of a population goes on, from the checkpoint of another one.
        ended = segment.until is None or (result.score is None and not self.copies)
        self._reached[trial.number] = math.inf if ended else segment.until or 0
        if segment.until is None:
            _delete(self.study.folder_of(trial), CHECKPOINTS, f"**/{CHECKPOINTS}")
            self._compare(trial, result)
        if done:
            self.sweep(trials)
            return
        group = [t for t in trials if t is trial or (self.copies and _key(t) == _key(trial))]
        reached = min(self._reached.get(other.number, 0) for other in group)
        for other in group:
            self._delete_kept(other, reached)

    def sweep(self, trials: list[Trial]) -> None:
        """Delete all checkpoints, after the search."""
        for trial in trials:
            _delete(self.study.folder_of(trial), CHECKPOINTS)
            self._delete_kept(trial, math.inf)

    def _compare(self, trial: Trial, result: Result) -> None:
        """Delete the model of a finished trial, or that of the best one before it."""
        loser: Trial | None = trial
        found = None if result.score is None else self.score(result)
        if found is not None:
            score = found if self.study.greater_is_better else -found
            if score > self._best_score:
                loser, self.best, self._best_score = self.best, trial, score
        if loser is not None and self.study.keep == "best":
            _delete(self.study.folder_of(loser), *_WEIGHTS)

    def _delete_kept(self, trial: Trial, step: float) -> None:
        """Delete a trial's kept checkpoints before a step; later ones may be continued."""
        for path in (self.study.folder / "checkpoints" / trial.name).glob(CHECKPOINTS):
            if int(path.name.removeprefix(PREFIX)) < step:
                shutil.rmtree(path)


def _key(trial: Trial) -> tuple[str, int]:
    return trial.variant, trial.seed


def _delete(folder: Path, *patterns: str) -> None:
    for path in {path for pattern in patterns for path in folder.glob(pattern)}:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)  # may be inside of another one
        else:
            path.unlink(missing_ok=True)
