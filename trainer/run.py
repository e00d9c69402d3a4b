"""The three modes of `scripts/run_mtl.py`."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PretrainedConfig, PreTrainedTokenizerBase, TrainerCallback, set_seed

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.checkpoints import find_checkpoint
from trainer.command_line import Settings
from trainer.data.sources import read_rows
from trainer.errors import InputError
from trainer.hub import facts_to_json, write_card
from trainer.hub.facts import collect_facts
from trainer.hybrid_trainer import HybridMTLTrainer
from trainer.measuring import arguments_to_measure
from trainer.model_folder import write_model
from trainer.output import (
    CONFIG_FILE,
    claim_output_files,
    claim_output_folder,
    clear_output_folder,
    write_json,
    write_text,
)
from trainer.phases.run import train_in_phases
from trainer.prepare import (
    PreparedData,
    load_config,
    load_tokenizer,
    new_or_trained_model,
    open_model,
    open_tokenizer,
    prepare_data,
    trained_model,
)
from trainer.results import draw_figures, format_table, write_reports
from trainer.resume import check_same_run
from trainer.stopping import StopOnSignal
from trainer.yaml_text import to_yaml


def train(settings: Settings) -> dict[str, float]:
    """Train, evaluate and write the model folder, `metrics.json`, the card and the figures.

    Returns:
        The metrics written to `metrics.json`.

    Raises:
        StoppedError: if a signal ended training early; a checkpoint is there.
    """
    folder = Path(settings.training.output_dir)
    first_rank = settings.training.process_index == 0
    if first_rank:
        claim_output_folder(
            folder, resume=settings.run.resume, overwrite=settings.run.overwrite_output_dir
        )
    if settings.run.resume:
        check_same_run(folder / CONFIG_FILE, settings.resolved)
    set_seed(settings.training.seed)
    config = load_config(settings.run)
    tokenizer = load_tokenizer(settings.run, config)
    data = prepare_data(settings, tokenizer, training=True)

    def begin() -> None:
        if first_rank and not settings.run.resume:
            clear_output_folder(folder)
            write_text(folder / CONFIG_FILE, to_yaml(settings.resolved))

    go = train_in_phases if settings.phases else _train_at_once
    stop = StopOnSignal()
    try:
        trainer, seconds = go(settings, config, tokenizer, data, begin, stop)
    finally:
        stop.release()
    left_out = [] if settings.run.keep_auxiliary else settings.training.unscored_tasks
    metrics = _finish(trainer, folder, left_out, settings.run.merged_adapters)
    if trainer.is_world_process_zero():
        facts = collect_facts(settings, data, trainer, metrics, seconds)
        facts_to_json(facts, folder / "card_facts.json")
        write_card(facts, folder / "README.md")
        print(format_table(trainer.tasks, trainer.state.log_history, metrics))
        print(f"model written to {folder}")
    return metrics


def _train_at_once(
    settings: Settings,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    begin: Callable[[], None],
    stop: TrainerCallback,
) -> tuple[HybridMTLTrainer, float]:
    trainer = HybridMTLTrainer(
        new_or_trained_model(settings, config),
        settings.training,
        train_dataset=data.train,
        eval_dataset=data.validation,
        processing_class=tokenizer,
        callbacks=[stop],
    )
    begin()
    folder = Path(settings.training.output_dir)
    checkpoint = find_checkpoint(folder) if settings.run.resume else None
    if settings.run.resume and checkpoint is None:
        print("resume: there is no whole checkpoint; training begins anew", flush=True)
    start = time.time()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return trainer, time.time() - start


def _finish(
    trainer: HybridMTLTrainer, folder: Path, left_out: list[str], merged: bool
) -> dict[str, float]:
    """Measure the final model and write everything but the card, without some of its tasks."""
    predictions = trainer.predict_tasks()
    metrics = trainer.measure(predictions, "eval")
    if trainer.is_world_process_zero():
        model = trainer.accelerator.unwrap_model(trainer.model)
        if left_out:
            model = model.without_tasks(left_out)
        write_model(model, trainer.processing_class, folder, merged=merged)
        reports = write_reports(trainer.tasks, predictions, folder / "evaluation.json")
        history = trainer.state.log_history
        auxiliary = trainer.args.unscored_tasks
        draw_figures(trainer.tasks, predictions, reports, history, folder, auxiliary)
        write_json(folder / "metrics.json", metrics)
    return metrics


def evaluate(settings: Settings) -> dict[str, float]:
    """Measure a trained model on the validation splits; write its metrics and reports.

    Returns:
        The metrics written to `metrics.json`.
    """
    folder = Path(settings.training.output_dir)
    files = (folder / "evaluation.json", folder / "metrics.json")
    if settings.training.process_index == 0:
        claim_output_files(files, overwrite=settings.run.overwrite_output_dir)
    config = load_config(settings.run)
    tokenizer = load_tokenizer(settings.run, config)
    model = trained_model(settings, config)
    data = prepare_data(settings, tokenizer, training=False, names=model.config.tasks)
    trainer = HybridMTLTrainer(
        model,
        arguments_to_measure(settings.training, model.config.tasks),
        eval_dataset=data.validation,
        processing_class=tokenizer,
    )
    predictions = trainer.predict_tasks()
    metrics = trainer.measure(predictions, "eval")
    if trainer.is_world_process_zero():
        write_reports(trainer.tasks, predictions, files[0])
        write_json(files[1], metrics)
        print(format_table(trainer.tasks, [], metrics))
    return metrics


def predict(settings: Settings) -> Path:
    """Write a trained model's answers to a jsonl file, one line per row and in the rows' order.

    Returns:
        The file.

    Raises:
        InputError: if the rows cannot be read or do not fit the task.
    """
    run = settings.run
    target = Path(run.predict_output or Path(settings.training.output_dir) / "predictions.jsonl")
    claim_output_files([target], overwrite=run.overwrite_output_dir)
    source = Path(str(run.predict_file))
    rows = read_rows(source)
    rows = _text_columns(rows, settings, source)
    pipe = _pipeline(settings)
    if run.predict_task is not None and run.predict_task not in pipe.model.config.tasks:
        known = ", ".join(pipe.model.config.tasks)
        raise InputError(f"predict_task: no task '{run.predict_task}' in this model ({known})")
    inputs = list(rows)
    options: dict[str, Any] = {} if run.predict_task is None else {"task": run.predict_task}
    try:
        answers = pipe(inputs, batch_size=settings.training.per_device_eval_batch_size, **options)
    except ValueError as error:
        raise InputError(f"{source}: {error} (inputs are counted from 0)") from error
    write_text(target, "".join(json.dumps(answer) + "\n" for answer in answers))
    print(f"{len(answers)} answers written to {target}")
    return target


def _pipeline(settings: Settings) -> HybridMTLPipeline:
    # Our own classes, not the code in the folder: nobody has said that it may be trusted.
    model = open_model(settings.run, load_config(settings.run))
    tokenizer = open_tokenizer(settings.run)
    return HybridMTLPipeline(model=model, tokenizer=tokenizer, device=settings.training.device)


def _text_columns(rows: Dataset, settings: Settings, source: Path) -> Dataset:
    """The columns text and text_pair, by these names or by those of the task that is asked."""
    task = settings.run.predict_task
    own = settings.tasks[task].source.columns if task in settings.tasks else {}
    columns = {}
    for name in ("text", "text_pair"):
        found = next((c for c in (name, own.get(name)) if c in rows.column_names), None)
        if found is not None:
            columns[found] = name
    if "text" not in columns.values():
        wanted = "text" if own.get("text", "text") == "text" else f"text' or '{own['text']}"
        raise InputError(
            f"{source}: there is no column '{wanted}' (found: {', '.join(rows.column_names)}); the "
            f"columns are text and, for pairs, text_pair"
        )
    return rows.select_columns(list(columns)).rename_columns(columns)


MODES = {"train": train, "evaluate": evaluate, "predict": predict}
