"""Train, evaluate and write a run: mode `train`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PretrainedConfig, PreTrainedTokenizerBase, TrainerCallback, set_seed

from trainer.cards import CardFacts, facts_to_json, write_card
from trainer.cards.architecture import draw_architecture
from trainer.config.run_arguments import RunArguments
from trainer.config.settings import Settings
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.console import show
from trainer.data.summary import summarize
from trainer.errors import InputError
from trainer.evaluation import scored
from trainer.evaluation.results import (
    ARCHITECTURE,
    FIGURES,
    TEST_FIGURES,
    draw_figures,
    draw_predictions,
    write_reports,
)
from trainer.hub.push import check_destination, destination, push
from trainer.loading.datasets import PreparedData, prepare_data
from trainer.loading.new_model import (
    check_new_layers_are_trained,
    load_config,
    load_tokenizer,
    starting_model,
)
from trainer.loading.task_splits import Fold
from trainer.loading.trained_model import check_whole_models
from trainer.runs.calibrate import calibrate_model
from trainer.runs.card_facts import collect_facts
from trainer.runs.closing import show_end, show_scores
from trainer.runs.examples import add_examples
from trainer.runs.latency import measure_latency
from trainer.runs.monitoring_reference import add_reference
from trainer.runs.phases import train_in_phases
from trainer.runs.resume import launch_environment
from trainer.runs.run_output import run_output
from trainer.runs.start import RunStart
from trainer.runs.submissions import read_submissions, write_submissions
from trainer.saving.checkpoints import find_checkpoint
from trainer.saving.files import write_json
from trainer.saving.model_folder import write_model
from trainer.saving.phase_records import PhaseRecord
from trainer.saving.run_log import LOG_FILE, RunLog
from trainer.training.callbacks.freezing import check_lora_targets
from trainer.training.callbacks.stop_on_signal import StopOnSignal
from trainer.training.hybrid_trainer import HybridMTLTrainer
from trainer.training.precision import cast


def train(
    settings: Settings,
    callbacks: Sequence[TrainerCallback] = (),
    *,
    reads_test: bool = True,
) -> dict[str, float]:
    """Train, evaluate and write the model folder, metrics, submissions, the card and the figures.

    Args:
        settings: of the run.
        callbacks: further ones for the trainer.
        reads_test: measure and predict test rows, if there are any.

    Returns:
        The metrics written to `metrics.json`.

    Raises:
        StoppedError: if a signal ended training early; a checkpoint is there.
    """
    with run_output(settings.training, settings.run.pooling) as (log, shown):
        return _run(settings, [*shown, *callbacks], log, reads_test)


def _run(
    settings: Settings, callbacks: Sequence[TrainerCallback], log: RunLog, reads_test: bool
) -> dict[str, float]:
    start = RunStart(settings)
    run, args = settings.run, settings.training

    def begin() -> None:
        start.write()
        if start.is_first_process:
            log.open(start.folder / LOG_FILE)

    set_seed(args.seed)
    config = load_config(run)
    trainings = [phase.training for phase in settings.phases] or [args]
    check_new_layers_are_trained(run, config, [t.trainable for t in trainings])
    tokenizer = load_tokenizer(run, config, settings.task_configs.values())
    submissions = read_submissions(settings) if reads_test else {}
    data = _prepare(settings, tokenizer, reads_test)
    start.check_rows({**launch_environment(args), **data.fingerprints}, data.dropped_rows)
    trainer, records = _train(settings, config, tokenizer, data, begin, callbacks)
    omitted = [] if run.keep_auxiliary else args.unscored_tasks
    metrics, reports = _finish(trainer, start.folder, omitted, run)
    test_metrics, test_reports = _measure_test(trainer, data.test, start.folder)
    metrics |= test_metrics
    if trainer.is_world_process_zero():
        write_json(start.folder / "metrics.json", metrics)
        write_submissions(submissions, trainer, start.folder)
        facts = collect_facts(settings, data, trainer, metrics, reports, test_reports, records)
        add_examples(facts, settings, data, trainer)
        facts.latency_ms = measure_latency(data, trainer)
        if run.monitoring_reference:
            add_reference(settings, data, trainer, [task.name for task in facts.tasks])
        _write_card(facts, start.folder)
        show_scores(args.score_parts(trainer.tasks), trainer.state.log_history, metrics, reports)
        show_end(trainer, facts, start.folder)
        if args.push_to_hub:
            publish(start.folder, args)
    return metrics


def _prepare(
    settings: Settings, tokenizer: PreTrainedTokenizerBase, reads_test: bool
) -> PreparedData:
    """Return the rows of the splits of the run, or of its fold; print a summary."""
    run, args = settings.run, settings.training
    fold = None if run.fold is None or run.folds is None else Fold(run.fold, run.folds)
    # The rows of a test split are not for comparing folds.
    parts = ["train", "validation", *(["test"] if fold is None and reads_test else [])]
    data = prepare_data(settings.tasks, run.data_dir, tokenizer, args, parts=parts, fold=fold)
    if args.process_index == 0:
        title, header, *lines = summarize(settings.task_configs, data.splits).splitlines()
        show(f"{title}\n{header}", style="bold")
        show("\n".join([*lines, ""]))
    return data


def _write_card(facts: CardFacts, folder: Path) -> None:
    draw_architecture(facts, folder / FIGURES / ARCHITECTURE)
    facts_to_json(facts, folder / "card_facts.json")
    write_card(facts, folder / "README.md")


def publish(folder: Path, args: HybridMTLTrainingArguments) -> None:
    """Push a finished run's folder and print its address.

    Raises:
        InputError: if that fails, with the command that publishes the folder later.
    """
    try:
        check_whole_models(folder)
        address = push(folder, check_destination(destination(args)))
    except InputError as error:
        raise InputError(
            f"{error}\nThe model is in '{folder}'; publish it with "
            f"hybrid-mtl push {folder} {args.hub_model_id}"
        ) from error
    print(f"published: {address}")


def _train(
    settings: Settings,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    begin: Callable[[], None],
    callbacks: Sequence[TrainerCallback],
) -> tuple[HybridMTLTrainer, list[PhaseRecord]]:
    """Train at once or in phases; the model then has its `save_dtype`."""
    train_model = train_in_phases if settings.phases else _train_at_once
    stop = StopOnSignal()
    try:
        all_callbacks = [stop, *callbacks]
        trainer, records = train_model(settings, config, tokenizer, data, begin, all_callbacks)
    finally:
        stop.release()
    if settings.run.save_dtype != "float32":
        # Without autocast around its `forward`, which is for weights in float32.
        model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
        cast(model, settings.run.save_dtype)
    return trainer, records


def _train_at_once(
    settings: Settings,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    data: PreparedData,
    begin: Callable[[], None],
    callbacks: list[TrainerCallback],
) -> tuple[HybridMTLTrainer, list[PhaseRecord]]:
    trainer = HybridMTLTrainer(
        starting_model(settings.run, settings.task_configs, config),
        settings.training,
        train_dataset=data.train,
        eval_dataset=data.validation,
        processing_class=tokenizer,
        callbacks=callbacks,
    )
    check_lora_targets(settings.training, trainer.model)
    begin()
    folder = Path(settings.training.output_dir)
    checkpoint = find_checkpoint(folder) if settings.run.resume else None
    if settings.run.resume and checkpoint is None:
        print("resume: there is no complete checkpoint; training starts again", flush=True)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    state = trainer.state
    epochs = state.epoch or 0.0
    record = PhaseRecord.of(
        "training", state.global_step, epochs, state.log_history, trainer.sessions
    )
    return trainer, [record]


def _finish(
    trainer: HybridMTLTrainer, folder: Path, omitted: list[str], run: RunArguments
) -> tuple[dict[str, float], dict[str, Any]]:
    """Calibrate and evaluate the final model, and write everything but the card.

    Args:
        trainer: after training.
        folder: the run's.
        omitted: tasks that the saved model goes without.
        run: options of the calibration and of the files.

    Returns:
        The metrics, and in the first process the reports of `write_reports`.
    """
    reports: dict[str, Any] = {}
    predictions = trainer.predict_tasks()
    fitted = calibrate_model(trainer, predictions, run.target_accuracy) if run.calibrate else {}
    predictions |= {name: found.result for name, found in fitted.items()}
    metrics = trainer.compute_all_metrics(predictions, "eval")
    if trainer.is_world_process_zero():
        model = trainer.accelerator.unwrap_model(trainer.model)
        if omitted:
            model = model.without_tasks(omitted)
        write_model(model, trainer.processing_class, folder, merged=run.merged_adapters)
        parts = trainer.args.score_parts(trainer.tasks)
        path = folder / "evaluation.json"
        reports = write_reports(trainer.tasks, predictions, path, parts, fitted)
        history = trainer.state.log_history
        best = trainer.state.best_global_step if trainer.args.load_best_model_at_end else None
        draw_figures(trainer.tasks, predictions, reports, history, folder, parts, best)
    return metrics, reports


def _measure_test(
    trainer: HybridMTLTrainer, test: Mapping[str, Dataset], folder: Path
) -> tuple[dict[str, float], dict[str, Any]]:
    """Evaluate the final model on the test rows; write their reports and figures.

    Returns:
        `test_<task>_<metric>`, with `test_overall` if every scored task has test rows, and in the
        first process the reports of `write_reports`.
    """
    reports: dict[str, Any] = {}
    if not test:
        return {}, reports
    parts = trainer.args.score_parts(trainer.tasks)
    predictions = trainer.predict_tasks(test)
    metrics = trainer.compute_all_metrics(predictions, "test")
    if set(scored(parts)) - set(test):
        # Of other tasks than the validation's, they could not be compared with it.
        metrics = {k: v for k, v in metrics.items() if k not in ("test_overall", "test_loss")}
    if trainer.is_world_process_zero():
        path = folder / "test_evaluation.json"
        reports = write_reports(trainer.tasks, predictions, path, parts)
        shown = {name: found for name, found in predictions.items() if not parts[name].auxiliary}
        draw_predictions(trainer.tasks, shown, reports, folder / FIGURES / TEST_FIGURES)
    return metrics, reports
