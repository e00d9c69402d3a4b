"""Write a trained model's predictions to a file: mode `predict`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.config.settings import Settings
from trainer.data.readers import read_rows
from trainer.data.tokens import is_truncated
from trainer.errors import InputError, did_you_mean, join_truncated
from trainer.loading.datasets import warn_truncated
from trainer.loading.new_model import model_path, naming_option
from trainer.loading.trained_model import open_trained
from trainer.saving.files import write_text
from trainer.saving.run_folder import claim_output_files


def predict(settings: Settings) -> Path:
    """Write a trained model's predictions to a jsonl file, one line per row and in their order.

    Only the first of several processes does so.

    Returns:
        The file.

    Raises:
        InputError: if the rows cannot be read or do not fit the task.
    """
    run, args = settings.run, settings.training
    target = Path(run.predict_output or Path(args.output_dir) / "predictions.jsonl")
    if args.process_index != 0:
        return target
    claim_output_files([target], overwrite=run.overwrite_output_dir)
    source, task = str(run.predict_file), run.predict_task
    entry = settings.tasks.get(task or "")
    rows = read_rows(source, entry.source.read_options if entry else None)
    rows = _text_columns(rows, entry.source.columns if entry else {}, source)
    # Our own classes, not the code in the folder, which is run only where it is trusted.
    with naming_option(model_path(run)):
        model, tokenizer = open_trained(model_path(run), run.model_revision)
    pipe = HybridMTLPipeline(model=model, tokenizer=tokenizer, device=args.device)
    if task is not None and task not in model.config.tasks:
        names = list(model.config.tasks)
        raise InputError(
            f"predict_task: no task '{task}' in this model ({', '.join(names)})."
            f"{did_you_mean(task, names)}"
        )
    inputs = list(rows)
    options: dict[str, Any] = {} if task is None else {"task": task}
    try:
        predictions = pipe(inputs, batch_size=args.per_device_eval_batch_size, **options)
    except ValueError as error:
        raise InputError(f"{source}: {error} (inputs are counted from 0)") from error
    write_text(target, "".join(json.dumps(prediction) + "\n" for prediction in predictions))
    _warn_truncated(pipe, inputs, task)
    print(f"{len(predictions)} predictions written to {target}")
    return target


def _warn_truncated(pipe: HybridMTLPipeline, inputs: list[Any], task: str | None) -> None:
    tasks = pipe.model.config.tasks
    entries = tasks.values() if task is None else [tasks[task]]
    together = any(entry["pair_encoding"] == "cross" for entry in entries)
    limit = pipe.tokenizer.model_max_length
    texts = [list(row.values()) for row in inputs]
    truncated = [is_truncated(pipe.tokenizer, limit, *row, together=together) for row in texts]
    warn_truncated("predict_file", truncated, limit)


def _text_columns(rows: Dataset, columns: Mapping[str, Any], source: str) -> Dataset:
    """Return the columns text and text_pair, found by these names or by those of the task.

    Args:
        rows: of the file.
        columns: `text` and `text_pair` -> the names of the task's own columns.
        source: the file or database, for messages.
    """
    renamed = {}
    for name in ("text", "text_pair"):
        column = next((c for c in (name, columns.get(name)) if c in rows.column_names), None)
        if column is not None:
            renamed[column] = name
    if "text" not in renamed.values():
        text = columns.get("text", "text")
        expected = "text" if text == "text" else f"text' or '{text}"
        raise InputError(
            f"{source}: there is no column '{expected}' (found: "
            f"{join_truncated(rows.column_names)}); the columns are text and, for pairs, text_pair"
        )
    return rows.select_columns(list(renamed)).rename_columns(renamed)
