"""The end of a training run, for a person: its scores, its best step, and what to do next."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.cards import CardFacts
from trainer.cards.render import format_duration
from trainer.console import Cell, show, show_table
from trainer.evaluation.overall import ScorePart, scored
from trainer.evaluation.results import OVERALL, metrics_before
from trainer.training.hybrid_trainer import HybridMTLTrainer

# Longer texts are no example for a command.
_MAX_EXAMPLE = 60


def show_scores(
    parts: Mapping[str, ScorePart],
    log_history: list[dict[str, Any]],
    metrics: Mapping[str, float],
    reports: Mapping[str, Mapping[str, Any]],
) -> None:
    """Show a table with the main metric of each task: before, after, its interval, on the test.

    Args:
        parts: task -> its part in the overall score.
        log_history: the log, maybe with an evaluation before the first step.
        metrics: `eval_<task>_<metric>`, and `test_<task>_<metric>` of tasks with test rows.
        reports: the result of `write_reports`.
    """
    before = metrics_before(log_history, parts)
    has_test = any(name.startswith("test_") for name in metrics)
    columns = ["task", "metric", *(["before"] if before else []), "after", "95% interval"]
    rows: list[Sequence[Cell]] = []
    named = [(task, part.metric, f"{task}_{part.metric}") for task, part in parts.items()]
    if len(scored(parts)) > 1:
        named.append(("overall", "", "overall"))
    for task, metric, name in named:
        if f"eval_{name}" not in metrics:
            continue
        report = reports.get(OVERALL if name == "overall" else task, {})
        intervals = {"": report.get("interval")} if name == "overall" else report.get("intervals")
        cells: list[Cell] = [task, metric]
        cells += [_number((before or {}).get(f"eval_{name}"))] if before else []
        cells += [(_number(metrics[f"eval_{name}"]), "bold"), _ends((intervals or {}).get(metric))]
        cells += [_number(metrics.get(f"test_{name}"))] if has_test else []
        rows.append(cells)
    show("\nthe trained model", style="bold")
    show_table([*columns, *(["test"] if has_test else [])], rows, 2)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _ends(interval: Sequence[float] | None) -> str:
    return "" if interval is None else "{:.3f} to {:.3f}".format(*interval)


def show_end(trainer: HybridMTLTrainer, facts: CardFacts, folder: Path) -> None:
    """Show the best step, the time, the folder, and three commands to go on with.

    Args:
        trainer: the trainer, after training.
        facts: of the run's card.
        folder: of the run.
    """
    state, args = trainer.state, trainer.args
    show("")
    if args.load_best_model_at_end and state.best_global_step:
        show(
            f"the best step was {state.best_global_step:,} of {state.global_step:,} "
            f"({args.metric_for_best_model} {state.best_metric:.4f}); the model is from there"
        )
    show(f"{state.global_step:,} steps took {format_duration(facts.run['seconds'])}")
    show(f"model written to {folder}, with its card README.md and figures/", style="bold green")
    show("\nnext:")
    for purpose, command in next_commands(facts, folder, pushed=bool(args.push_to_hub)):
        show(f"  {purpose:<13}{command}")


def next_commands(facts: CardFacts, folder: Path, *, pushed: bool) -> list[tuple[str, str]]:
    """Return three commands for a trained model, each with its purpose."""
    place = shlex.quote(str(folder))
    commands = [
        ("ask it", f"hybrid-mtl ask {place} {_example(facts)}"),
        ("open a page", f"hybrid-mtl app {place}"),
        ("serve it", f"hybrid-mtl serve {place}"),
    ]
    if not pushed:
        repository = shlex.quote(f"YOUR_NAME/{folder.absolute().name}")
        commands[2] = ("publish it", f"hybrid-mtl push {place} {repository}")
    return commands


def _example(facts: CardFacts) -> str:
    """Return the texts of a short example of the model's, quoted, or stand-ins for its input."""
    for task in facts.tasks:
        for example in task.examples:
            texts = [example["text"], *([example["text_pair"]] if "text_pair" in example else [])]
            if all(len(text) <= _MAX_EXAMPLE and text[:1] != "-" for text in texts):
                return shlex.join(texts)
    single = any(task.input == "single" for task in facts.tasks)
    return "'a text'" if single else "'a text' 'another text'"
