"""Cross-validation: a run for each fold of the training rows, and a summary of their metrics."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from accelerate import PartialState

from trainer.config.settings import Settings
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.errors import InputError
from trainer.runs.resume import launch_environment
from trainer.runs.start import RunStart
from trainer.runs.train import train
from trainer.saving.files import write_json
from trainer.saving.run_folder import CONFIG_FILE, FOLDS_FILE, PHASES


def train_folds(settings: Settings) -> dict[str, float]:
    """Train and evaluate one model per fold, in `fold-N` of the output folder.

    No model is trained on all rows. A resumed run skips finished folds.

    Returns:
        The metrics written to `metrics.json`: means over the folds under the usual names, and
        sample standard deviations as `<name>_std`.

    Raises:
        InputError: if the run would publish a model.
        StoppedError: if a signal ended training early; a checkpoint is there.
    """
    run, args = settings.run, settings.training
    if args.push_to_hub:
        raise InputError(
            "push_to_hub: with folds there are several models; leave folds out to train the one to "
            "publish"
        )
    start = RunStart(settings)
    start.check_rows(launch_environment(args))
    start.write()
    runs = [_fold_settings(settings, number) for number in range(1, (run.folds or 0) + 1)]
    # Every process decides what to resume before any of them writes to a fold.
    finished = {number: _finished_metrics(fold) for number, fold in enumerate(runs, start=1)}
    PartialState().wait_for_everyone()
    results = []
    for number, fold in enumerate(runs, start=1):
        metrics = finished[number]
        if metrics is None:
            print(f"fold {number} of {run.folds}", flush=True)
            metrics = train(fold)
        results.append(metrics)
    summary = summarize_folds(results)
    if args.process_index == 0:
        folds = {f"fold-{number}": metrics for number, metrics in enumerate(results, start=1)}
        write_json(start.folder / FOLDS_FILE, folds)
        write_json(start.folder / "metrics.json", summary)
        print(_format_summary(summary, len(results)))
    return summary


def summarize_folds(results: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return each metric's mean, and its sample standard deviation as `<name>_std`."""
    summary = {}
    for name in results[0]:
        values = [metrics[name] for metrics in results]
        summary[name] = float(np.mean(values))
        summary[f"{name}_std"] = float(np.std(values, ddof=1))
    return summary


def _format_summary(summary: Mapping[str, float], folds: int) -> str:
    lines = [f"{f'mean of {folds} folds':<36}{'mean':>10}{'std':>10}"]
    for name, mean in summary.items():
        if f"{name}_std" in summary:
            label = name.removeprefix("eval_")
            lines.append(f"{label:<36}{mean:>10.4f}{summary[f'{name}_std']:>10.4f}")
    return "\n".join(lines)


def _fold_settings(settings: Settings, number: int) -> Settings:
    """Return the settings of one fold, a run in a folder of its own."""
    folder = Path(settings.training.output_dir) / f"fold-{number}"
    started = settings.run.resume and (folder / CONFIG_FILE).is_file()
    phases = [
        replace(phase, training=_moved(phase.training, folder / PHASES / phase.folder.name))
        for phase in settings.phases
    ]
    return replace(
        settings,
        run=replace(settings.run, fold=number, resume=started, overwrite_output_dir=False),
        training=_moved(settings.training, folder),
        resolved={**settings.resolved, "fold": number, "output_dir": str(folder)},
        phases=phases,
    )


def _moved(args: HybridMTLTrainingArguments, folder: Path) -> HybridMTLTrainingArguments:
    args = copy.copy(args)
    args.output_dir = str(folder)
    return args


def _finished_metrics(settings: Settings) -> dict[str, float] | None:
    """Return the metrics of a fold that an earlier session finished."""
    folder = Path(settings.training.output_dir)
    # The card is the last file that a run writes.
    if not settings.run.resume or not (folder / "README.md").is_file():
        return None
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
