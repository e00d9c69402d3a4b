"""The reference for the monitoring of a finished run's model."""

from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset

from modeling_hybrid_mtl import TaskConfig
from trainer.config.settings import Settings
from trainer.data.raw_rows import TEXT_COLUMNS
from trainer.loading.datasets import PreparedData
from trainer.loading.model_version import model_version
from trainer.monitoring.make_reference import ReferenceRows, label_names, make_reference
from trainer.monitoring.reference import FOLDER, write_reference
from trainer.runs.trained_pipeline import trained_pipeline
from trainer.training.hybrid_trainer import HybridMTLTrainer


def add_reference(
    settings: Settings, data: PreparedData, trainer: HybridMTLTrainer, tasks: Sequence[str]
) -> None:
    """Write what the model's answers to validation rows are like.

    Args:
        settings: of the run, whose model is in its folder.
        data: its rows.
        trainer: the trainer, after training.
        tasks: those of the saved model.
    """
    folder = Path(settings.training.output_dir)
    configs = {name: settings.tasks[name].model for name in tasks}
    reference = make_reference(
        trained_pipeline(trainer),
        {name: _rows(data.validation_texts[name], config) for name, config in configs.items()},
        model_version(str(folder), None),
        batch_size=settings.training.per_device_eval_batch_size,
    )
    write_reference(reference, folder)
    count = sum(task.rates.n for task in reference.tasks.values())
    print(
        f"answers to {count} validation rows are the reference of monitoring, in {folder / FOLDER}"
    )


def _rows(rows: Dataset, task: TaskConfig) -> ReferenceRows:
    sides = {side: rows[side][:] for side in TEXT_COLUMNS[task.input]}
    texts = [dict(zip(sides, row, strict=True)) for row in zip(*sides.values(), strict=True)]
    if task.reads_words:
        texts = [{"text": " ".join(row["text"])} for row in texts]
    cells = rows["label"][:] if "label" in rows.column_names else []
    return ReferenceRows(texts, [label_names(cell, task) for cell in cells])
