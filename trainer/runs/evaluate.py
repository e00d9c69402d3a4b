"""Evaluate a trained model on the validation splits: mode `evaluate`."""

from pathlib import Path

from trainer.config.settings import Settings
from trainer.evaluation.results import format_table, write_reports
from trainer.loading.datasets import prepare_data
from trainer.loading.new_model import load_config, load_tokenizer, trained_model
from trainer.saving.files import write_json
from trainer.saving.run_folder import claim_output_files
from trainer.training.hybrid_trainer import HybridMTLTrainer


def evaluate(settings: Settings) -> dict[str, float]:
    """Evaluate a trained model on the validation splits; write its metrics and reports.

    Returns:
        The metrics written to `metrics.json`.
    """
    folder = Path(settings.training.output_dir)
    files = (folder / "evaluation.json", folder / "metrics.json")
    if settings.training.process_index == 0:
        claim_output_files(files, overwrite=settings.run.overwrite_output_dir)
    config = load_config(settings.run)
    tokenizer = load_tokenizer(settings.run, config, settings.task_configs.values())
    args = settings.training
    model = trained_model(settings.run, settings.task_configs, config, args.unscored_tasks)
    data = prepare_data(
        settings.tasks,
        settings.run.data_dir,
        tokenizer,
        args,
        parts=["validation"],
        names=model.config.tasks,
    )
    trainer = HybridMTLTrainer(
        model,
        args.for_evaluation(model.config.tasks),
        eval_dataset=data.validation,
        processing_class=tokenizer,
    )
    predictions = trainer.predict_tasks()
    metrics = trainer.compute_all_metrics(predictions, "eval")
    if trainer.is_world_process_zero():
        write_reports(trainer.tasks, predictions, files[0], trainer.args.unscored_tasks)
        write_json(files[1], metrics)
        print(format_table(trainer.tasks, [], metrics))
    return metrics
