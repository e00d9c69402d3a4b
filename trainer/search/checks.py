"""Checks of a study before its first run: every run's options, as of a run of its own."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trainer.config.parser import parse_config
from trainer.config.settings import Settings
from trainer.errors import InputError, did_you_mean
from trainer.evaluation.metrics import metrics_of
from trainer.optimization.schedules import METRIC_DRIVEN
from trainer.search.study import METRIC_PREFIX, Study
from trainer.search.trials import Trial

# Options that the study sets for each run, and what to use instead.
_RESERVED = {
    "output_dir": "output_dir of the study",
    "seed": "seeds of the study",
    "resume": "the same command again, which goes on",
    "overwrite_output_dir": "another output_dir of the study",
    "folds": "seeds",
    "fold": "seeds",
    "mode": "hybrid-mtl with the best configuration",
    "push_to_hub": "hybrid-mtl push with the best model",
}
# Options without effect where the study has `cycles`.
_LENGTHS = ("max_steps", "num_train_epochs")


def check_runs(study: Study, trials: list[Trial], folder: Path | None = None) -> None:
    """Check the options of every run of a study.

    Args:
        study: the study.
        trials: those that are known before the first result. Besides, each value of the space is
            checked, of ranges both ends.
        folder: in which the configuration's extensions may lie, besides the current folder.

    Raises:
        InputError: naming the variant or the value, and the option that is wrong.
    """
    _check_reserved(study)
    first = [trial for trial in trials if trial.seed == study.seeds[0]]
    known = [(trial.variant, trial.values) for trial in first]
    first += [t for t in _extremes(study) if (t.variant, t.values) not in known]
    for trial in first:
        with_values = ", ".join(f"{option} = {value}" for option, value in trial.values.items())
        place = " with ".join(filter(None, (f"variant '{trial.variant}'", with_values)))
        try:
            settings = parse_config(study.options_of(trial), "study", folder)
        except InputError as error:
            message = str(error).removeprefix("study: ")
            where = place if trial.variant else with_values
            raise InputError(f"{where}: {message}" if where else message) from error
        _check_metric(study, trial, settings)
        if study.interval is not None:
            _check_pauses(study, settings)


def check_combined(study: Study, tasks: Iterable[str]) -> None:
    """Check the tasks of a study's combinations against those of its baseline.

    Raises:
        InputError: naming the task that the baseline lacks.
    """
    known = list(tasks)
    for name, parts in study.combined.items():
        for task in parts:
            if task not in known:
                raise InputError(
                    f"combined: {name}: the baseline has no task '{task}' (its tasks: "
                    f"{', '.join(known)}).{did_you_mean(str(task), known)}"
                )


def _extremes(study: Study) -> Iterator[Trial]:
    """Yield trials in which one option after the other has each of its extreme values."""
    middle = {option: dimension.extremes[0] for option, dimension in study.space.items()}
    changes: list[Mapping[str, Any]] = [{}]
    for option, dimension in study.space.items():
        changes += [{option: value} for value in dimension.extremes[1:]]
    for variant in study.variants or [""]:
        for change in changes:
            yield Trial(1, study.seeds[0], variant, {**middle, **change})


def _check_reserved(study: Study) -> None:
    places = {"options": study.options, "space": study.space}
    places |= {f"variant '{name}'": changes for name, changes in study.variants.items()}
    for place, options in places.items():
        for option in options:
            # The base configuration is one of a single run, with a folder and a seed.
            if option in _RESERVED and place != "options":
                raise InputError(f"{place}: {option}: use {_RESERVED[option]} instead")
            if option in _LENGTHS and place != "options" and study.cycles is not None:
                raise InputError(f"{place}: {option}: has no effect beside cycles of the study")
    if study.options.get("mode") not in (None, "train"):
        raise InputError(f"options: mode: use {_RESERVED['mode']} instead")
    for option in ("folds", "fold", "push_to_hub"):
        if study.options.get(option):
            raise InputError(f"options: {option}: use {_RESERVED[option]} instead")


def _check_pauses(study: Study, settings: Settings) -> None:
    """Check that a run can be paused, and that this changes nothing in it."""
    args = settings.training
    if study.minutes is not None:
        raise InputError("minutes: use cycles instead in a search with an interval")
    if settings.phases:
        raise InputError("phases: a search with an interval needs runs without them")
    if args.save_only_model:
        raise InputError("save_only_model: a search with an interval goes on from checkpoints")
    if args.save_strategy == "best":
        raise InputError("save_strategy = best: use steps in a search with an interval")
    if args.early_stopping_patience is not None:
        raise InputError("early_stopping_patience: the search decides which trials go on; unset it")
    if args.lr_scheduler_type in METRIC_DRIVEN:
        raise InputError(
            f"lr_scheduler_type = {args.lr_scheduler_type}: depends on evaluations, of which a "
            "search with an interval makes further ones; use another one"
        )
    evaluates = args.eval_strategy == "steps" and args.eval_steps is not None
    if args.load_best_model_at_end and not (evaluates and study.interval % args.eval_steps == 0):
        raise InputError(
            f"interval = {study.interval}: with load_best_model_at_end, must be a multiple of "
            f"eval_steps, with eval_strategy: steps (now {args.eval_strategy}, {args.eval_steps}): "
            "an evaluation in between could choose another checkpoint"
        )


def _check_metric(study: Study, trial: Trial, settings: Settings) -> None:
    names = ["overall", "loss"]
    for task, entry in settings.tasks.items():
        metrics = (*metrics_of(entry.model.kind, entry.model.labels), "loss")
        names += [f"{task}_{metric}" for metric in metrics]
    known = [f"{METRIC_PREFIX}{name}" for name in names]
    if study.study_metric not in known:
        where = f" of variant '{trial.variant}'" if trial.variant else ""
        raise InputError(
            f"study_metric = '{study.study_metric}': is not measured by the runs{where}."
            f"{did_you_mean(study.study_metric, known)} They measure {', '.join(known)}"
        )
