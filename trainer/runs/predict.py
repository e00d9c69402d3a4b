"""Write a trained model's answers to a file: mode `predict`."""

import json
from pathlib import Path
from typing import Any

from datasets import Dataset

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.config.settings import Settings
from trainer.data.sources import read_rows
from trainer.data.tokens import is_truncated
from trainer.errors import InputError, join_truncated
from trainer.loading.datasets import warn_truncated
from trainer.loading.new_model import (
    model_path,
    naming_option,
)
from trainer.loading.trained_model import open_trained
from trainer.saving.files import write_text
from trainer.saving.run_folder import (
    claim_output_files,
)


def predict(settings: Settings) -> Path:
    """Write a trained model's answers to a jsonl file, one line per row and in the rows' order.

    The first process of several does so; the others have nothing to do.

    Returns:
        The file.

    Raises:
        InputError: if the rows cannot be read or do not fit the task.
    """
    run = settings.run
    target = Path(run.predict_output or Path(settings.training.output_dir) / "predictions.jsonl")
    if settings.training.process_index != 0:
        return target
    claim_output_files([target], overwrite=run.overwrite_output_dir)
    source = Path(str(run.predict_file))
    asked = settings.tasks.get(run.predict_task or "")
    rows = read_rows(source, asked.source.dialect if asked else None)
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
    _warn_truncated(pipe, inputs, run.predict_task)
    print(f"{len(answers)} answers written to {target}")
    return target


def _warn_truncated(pipe: HybridMTLPipeline, inputs: list[Any], task: str | None) -> None:
    tasks = pipe.model.config.tasks
    asked = tasks.values() if task is None else [tasks[task]]
    together = any(entry["pair_encoding"] == "cross" for entry in asked)
    limit = pipe.tokenizer.model_max_length
    texts = [list(row.values()) for row in inputs]
    cut = [is_truncated(pipe.tokenizer, limit, *row, together=together) for row in texts]
    warn_truncated("predict_file", cut, limit)


def _pipeline(settings: Settings) -> HybridMTLPipeline:
    # Our own classes, not the code in the folder: nobody has said that it may be trusted.
    with naming_option():
        model, tokenizer = open_trained(model_path(settings.run), settings.run.model_revision)
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
            f"{source}: there is no column '{wanted}' (found: "
            f"{join_truncated(rows.column_names)}); the columns are text and, for pairs, text_pair"
        )
    return rows.select_columns(list(columns)).rename_columns(columns)
