"""The three modes of `scripts/run_mtl.py`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig, PreTrainedTokenizerBase, TrainerCallback, set_seed

from trainer.cards import facts_to_json, write_card
from trainer.cards.architecture import draw_architecture
from trainer.config.settings import Settings
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.config.yaml_text import to_yaml
from trainer.errors import InputError
from trainer.evaluation.results import (
    ARCHITECTURE,
    FIGURES,
    draw_figures,
    format_table,
    write_reports,
)
from trainer.hub.push import check_destination, destination, push
from trainer.loading.datasets import PreparedData, prepare_data
from trainer.loading.new_model import load_config, load_tokenizer, starting_model
from trainer.loading.trained_model import check_whole_models
from trainer.runs.card_facts import collect_facts
from trainer.runs.phases import train_in_phases
from trainer.runs.resume import check_same_rows, check_same_run, launch_environment
from trainer.saving.checkpoints import find_checkpoint
from trainer.saving.files import write_json, write_text
from trainer.saving.model_folder import write_model
from trainer.saving.phase_records import PhaseRecord
from trainer.saving.run_folder import (
    CONFIG_FILE,
    ROWS_FILE,
    claim_output_folder,
    clear_leftovers,
    clear_output_folder,
)
from trainer.training.callbacks.stop_on_signal import StopOnSignal
from trainer.training.hybrid_trainer import HybridMTLTrainer
from trainer.training.precision import cast


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
    if settings.training.push_to_hub and first_rank:
        # Now, and not after training: whoever cannot push shall know at once.
        check_destination(destination(settings.training))
    if settings.run.resume:
        check_same_run(folder / CONFIG_FILE, settings.resolved)
    set_seed(settings.training.seed)
    config = load_config(settings.run)
    tokenizer = load_tokenizer(settings.run, config, settings.task_configs)
    data = prepare_data(settings, tokenizer, training=True)
    began = {**launch_environment(settings.training), **data.fingerprints}
    if settings.run.resume:
        check_same_rows(folder / ROWS_FILE, began)

    def begin() -> None:
        if not first_rank:
            return
        clear_leftovers(folder)
        if not settings.run.resume:
            clear_output_folder(folder)
            # First of all: without it the folder is not known for a run's.
            write_text(folder / CONFIG_FILE, to_yaml(settings.resolved))
        if not (folder / ROWS_FILE).is_file():
            write_json(folder / ROWS_FILE, began)

    go = train_in_phases if settings.phases else _train_at_once
    stop = StopOnSignal()
    try:
        trainer, records = go(settings, config, tokenizer, data, begin, stop)
    finally:
        stop.release()
    left_out = [] if settings.run.keep_auxiliary else settings.training.unscored_tasks
    if settings.run.save_dtype != "float32":
        # Without autocast around its `forward`, which is for weights in float32.
        model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
        cast(model, settings.run.save_dtype)
    metrics, reports = _finish(trainer, folder, left_out, settings.run.merged_adapters)
    if trainer.is_world_process_zero():
        facts = collect_facts(settings, data, trainer, metrics, reports, records)
        draw_architecture(facts, folder / FIGURES / ARCHITECTURE)
        facts_to_json(facts, folder / "card_facts.json")
        write_card(facts, folder / "README.md")
        print(format_table(trainer.tasks, trainer.state.log_history, metrics))
        print(f"model written to {folder}")
        if settings.training.push_to_hub:
            publish(folder, settings.training)
    return metrics


def publish(folder: Path, args: HybridMTLTrainingArguments) -> None:
    """Push a finished run's folder, and say where it is.

    Raises:
        InputError: if that fails, saying how to publish the folder without training again.
    """
    try:
        check_whole_models(folder)
        address = push(folder, check_destination(destination(args)))
    except InputError as error:
        raise InputError(
            f"{error}\nThe model is in '{folder}'; publish it with "
            f"scripts/push_to_hub.py {folder} {args.hub_model_id}"
        ) from error
    print(f"published: {address}")


def _train_at_once(
    settings: Settings,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    begin: Callable[[], None],
    stop: TrainerCallback,
) -> tuple[HybridMTLTrainer, list[PhaseRecord]]:
    trainer = HybridMTLTrainer(
        starting_model(settings, config),
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
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    state = trainer.state
    epochs = state.epoch or 0.0
    record = PhaseRecord.of(
        "training", state.global_step, epochs, state.log_history, trainer.sessions
    )
    return trainer, [record]


def _finish(
    trainer: HybridMTLTrainer, folder: Path, left_out: list[str], merged: bool
) -> tuple[dict[str, float], dict[str, Any]]:
    """Measure the final model and write everything but the card, without some of its tasks.

    Returns:
        The metrics, and what `write_reports` gives; no reports but in the first process.
    """
    reports: dict[str, Any] = {}
    predictions = trainer.predict_tasks()
    metrics = trainer.compute_all_metrics(predictions, "eval")
    if trainer.is_world_process_zero():
        model = trainer.accelerator.unwrap_model(trainer.model)
        if left_out:
            model = model.without_tasks(left_out)
        write_model(model, trainer.processing_class, folder, merged=merged)
        auxiliary = trainer.args.unscored_tasks
        path = folder / "evaluation.json"
        reports = write_reports(trainer.tasks, predictions, path, auxiliary)
        history = trainer.state.log_history
        draw_figures(trainer.tasks, predictions, reports, history, folder, auxiliary)
        write_json(folder / "metrics.json", metrics)
    return metrics, reports
