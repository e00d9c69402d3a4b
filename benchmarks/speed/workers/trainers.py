"""Our trainer on the rows of a job, as `run_mtl.py` creates it."""

from typing import Any

from datasets import Dataset
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from benchmarks.speed.rows import OPTIONS
from trainer import HybridMTLTrainer
from trainer.config.parser import parse
from trainer.config.settings import Settings
from trainer.data import tokenize
from trainer.loading.new_model import load_config, load_tokenizer, starting_model


def settings_of(job: dict[str, Any], folder: str, *options: str) -> Settings:
    """Return the settings of a run that only trains, for one epoch of the job's cycles."""
    own = {
        "output_dir": folder,
        "per_device_train_batch_size": job["batch_size"],
        "num_train_epochs": 1,
        "cycles_per_epoch": job["cycles"],
        "learning_rate": job["learning_rate"],
        "max_length": job["max_length"],
        "model_name_or_path": job["weights"],
        "use_cpu": str(job["device"] == "cpu").lower(),
        "bf16": str(job["bf16"]).lower(),
        "seed": job["seed"],
        "eval_strategy": "no",
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": "true",
    }
    given = [text for name, value in own.items() for text in (f"--{name}", str(value))]
    return parse([*OPTIONS, "--data_dir", "sample", *given, *options])


def tokenized(job: dict[str, Any], settings: Settings) -> dict[str, Dataset]:
    """Return the job's tokenized rows for the trainer, by task."""
    tokenizer = load_tokenizer(settings.run, load_config(settings.run))
    return {
        name: tokenize(
            name,
            Dataset.from_list(task["rows"]),
            settings.tasks[name].model,
            tokenizer,
            settings.run.max_length,
        )
        for name, task in job["tasks"].items()
    }


def make_trainer(settings: Settings, rows: dict[str, Dataset]) -> HybridMTLTrainer:
    config = load_config(settings.run)
    return HybridMTLTrainer(
        starting_model(settings.run, settings.task_configs, config),
        settings.training,
        train_dataset=rows,
        processing_class=load_tokenizer(settings.run, config),
    )


def be_quiet() -> None:
    disable_progress_bar()
    set_verbosity_error()


def mean_text(rows: dict[str, Dataset]) -> float:
    """Return the mean tokens of a text, including special ones."""
    sides = [
        len(ids)
        for own in rows.values()
        for column in ("input_ids", "pair_input_ids")
        if column in own.column_names
        for ids in own[column][:]
    ]
    return sum(sides) / len(sides)
