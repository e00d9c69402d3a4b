"""Write a trained model's predictions to a file: mode `predict`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.config.run_arguments import RunArguments
from trainer.config.settings import Settings
from trainer.config.tasks import TaskEntry
from trainer.data.raw_rows import TEXT_COLUMNS
from trainer.data.readers import RawSplit, read_split
from trainer.data.task_source import TaskSource
from trainer.errors import InputError, did_you_mean, join_truncated
from trainer.loading.new_model import model_path, naming_option
from trainer.loading.trained_model import open_trained
from trainer.prediction.predictor import Predictor
from trainer.prediction.tables import PredictionTables
from trainer.saving.run_folder import claim_output_files


def predict(settings: Settings) -> Path:
    """Write a trained model's predictions to a file, one row per row of the input, in its order.

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
    entry = settings.tasks.get(run.predict_task or "")
    entries = list(settings.tasks.values()) if run.predict_task is None else [entry]
    sources = [each.source for each in entries if each is not None]
    split = _read(run, sources)
    # Our own classes, not the code in the folder, which is run only where it is trusted.
    with naming_option(model_path(run)):
        model, tokenizer = open_trained(model_path(run), run.model_revision)
    pipe = HybridMTLPipeline(model=model, tokenizer=tokenizer, device=args.device)
    texts = _text_columns(split, sources, pipe, run)
    predictor = Predictor(
        pipe,
        _fitting_tasks(pipe, run.predict_task, texts, split.location),
        prefixed=run.predict_task is None,
        probabilities=run.predict_probabilities,
        batch_size=args.per_device_eval_batch_size,
    )
    on_bad_row = None if _drops_bad_rows(run, entry) else _raise_for(split)
    tables = PredictionTables(split.rows, texts, predictor, on_bad_row)
    _write(tables, run, target, show_progress=not args.disable_tqdm)
    for note in tables.notes():
        print(f"predict_file: {note}")
    print(f"{len(split.rows)} predictions written to {target}")
    return target


def _read(run: RunArguments, sources: Sequence[TaskSource]) -> RawSplit:
    """Return the rows of the file, in the format of the tasks' own files if they have one."""
    location = str(run.predict_file)
    options = [source.read_options for source in sources]
    if not options or any(other != options[0] for other in options):
        return read_split(location)
    names = dict.fromkeys(name for source in sources for name in source.column_names)
    return read_split(location, options[0], list(names))


def _text_columns(
    split: RawSplit, sources: Sequence[TaskSource], pipe: HybridMTLPipeline, run: RunArguments
) -> dict[str, str]:
    """Return `text` and, for pairs, `text_pair` -> the column of these or of the tasks' names."""
    found = {}
    columns: dict[str, str] = {}
    for name in ("text", "text_pair"):
        own_names = {str(source.columns.get(name, name)) for source in sources}
        if len(own_names) == 1:
            columns[name] = own_names.pop()
        names = (name, columns.get(name))
        column = next((c for c in names if c in split.rows.column_names), None)
        if column is not None:
            found[name] = column
    required: tuple[str, ...] = ("text",)
    if run.predict_task in pipe.model.config.tasks:
        required = TEXT_COLUMNS[pipe.model.config.task(run.predict_task).input]
        found = {name: column for name, column in found.items() if name in required}
    for name in required:
        if name not in found:
            own = columns.get(name, name)
            expected = name if own == name else f"{name}' or '{own}"
            raise InputError(
                f"{split.location}: there is no column '{expected}' (found: "
                f"{join_truncated(split.rows.column_names)}); the columns are text and, for pairs, "
                f"text_pair"
            )
    return found


def _fitting_tasks(
    pipe: HybridMTLPipeline, task: str | None, texts: Mapping[str, str], location: str
) -> list[str]:
    """Return the task that is named, or all that have such inputs."""
    tasks = pipe.model.config.tasks
    if task is not None:
        if task not in tasks:
            raise InputError(
                f"predict_task: no task '{task}' in this model ({', '.join(tasks)})."
                f"{did_you_mean(task, tasks)}"
            )
        return [task]
    kind = "pair" if "text_pair" in texts else "single"
    fitting = [name for name, entry in tasks.items() if entry["input"] == kind]
    if not fitting:
        missing = "two texts" if kind == "pair" else "one text; pairs have a column text_pair"
        raise InputError(f"{location}: this model has no task for {missing}")
    return fitting


def _drops_bad_rows(run: RunArguments, entry: TaskEntry | None) -> bool:
    default = "error" if entry is None else entry.source.bad_rows
    return (run.predict_bad_rows or default) == "drop"


def _raise_for(split: RawSplit) -> Callable[[int, str], None]:
    def raise_error(index: int, reason: str) -> None:
        raise InputError(
            f"{split.place(index)}: {reason}; fix the row, or set --predict_bad_rows drop to write "
            f"such rows without predictions"
        )

    return raise_error


def _write(tables: PredictionTables, run: RunArguments, target: Path, show_progress: bool) -> None:
    columns = run.predict_columns
    option = "predict_keep" if columns is None else "predict_columns"
    if not isinstance(columns, dict):
        columns = tables.default_columns(run.predict_keep or [])
    try:
        tables.schema(columns)
    except InputError as error:
        raise InputError(f"{option}: {error}") from error
    tables.write(target, columns, show_progress=show_progress)
