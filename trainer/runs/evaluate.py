"""Evaluate a trained model on the validation or test splits: mode `evaluate`."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from trainer.config.settings import Settings
from trainer.errors import InputError
from trainer.evaluation.results import format_table, write_reports
from trainer.loading.datasets import prepare_data
from trainer.loading.new_model import load_config, load_tokenizer, trained_model
from trainer.saving.files import write_json
from trainer.saving.run_folder import ROWS_FILE, claim_output_files
from trainer.training.hybrid_trainer import HybridMTLTrainer

# Of the metrics' names, by split.
PREFIXES = {"validation": "eval", "test": "test"}


def evaluate(settings: Settings) -> dict[str, float]:
    """Evaluate a trained model on the splits `eval_split`; write its metrics and reports.

    Returns:
        The metrics written to `metrics.json`: `eval_<task>_<metric>` or `test_<task>_<metric>`.

    Raises:
        InputError: if no task has labeled test rows.
    """
    folder = Path(settings.training.output_dir)
    files = (folder / "evaluation.json", folder / "metrics.json")
    if settings.training.process_index == 0:
        claim_output_files(files, overwrite=settings.run.overwrite_output_dir)
    config = load_config(settings.run)
    tokenizer = load_tokenizer(settings.run, config, settings.task_configs.values())
    args = settings.training
    model = trained_model(settings.run, settings.task_configs, config, args.unscored_tasks)
    rows = _rows_of_split(settings, tokenizer, model.config.tasks)
    trainer = HybridMTLTrainer(
        model,
        args.for_evaluation(model.config.tasks),
        eval_dataset=rows,
        processing_class=tokenizer,
    )
    predictions = trainer.predict_tasks()
    metrics = trainer.compute_all_metrics(predictions, PREFIXES[settings.run.eval_split])
    if trainer.is_world_process_zero():
        parts = trainer.args.score_parts(trainer.tasks)
        write_reports(trainer.tasks, predictions, files[0], parts)
        write_json(files[1], metrics)
        print(format_table(trainer.tasks, [], metrics))
    return metrics


def _rows_of_split(
    settings: Settings, tokenizer: PreTrainedTokenizerBase, names: Collection[str]
) -> dict[str, Dataset]:
    """Return the tokenized rows of the split to measure, by task."""
    run, split = settings.run, settings.run.eval_split
    data = prepare_data(
        settings.tasks, run.data_dir, tokenizer, settings.training, parts=[split], names=names
    )
    if split not in data.splits:
        raise InputError(
            "eval_split = 'test': no task has labeled test rows; name their split with "
            "--tasks.NAME.test_split, or put test.* beside a task's other files"
        )
    if split == "validation":
        _warn_of_other_rows(settings, data.fingerprints[split])
    return data.splits[split]


def _warn_of_other_rows(settings: Settings, now: Mapping[str, str]) -> None:
    """Warn if rows were held out by a share and are not those of the model's training run.

    Args:
        settings: of the evaluation.
        now: task -> fingerprint of its validation rows.
    """
    recorded = Path(settings.run.model_name_or_path).expanduser() / ROWS_FILE
    if not recorded.is_file():
        return
    then = json.loads(recorded.read_text(encoding="utf-8")).get("validation", {})
    for name, key in now.items():
        drawn = settings.tasks[name].source.validation_share is not None
        if drawn and then.get(name, key) != key:
            print(
                f"warning: task '{name}': the validation rows are not those that '{recorded}' "
                "records, and the model may have been trained on some of them; set data_seed, "
                "validation_split and split_by as in its training",
                flush=True,
            )
