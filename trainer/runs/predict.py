"""Write a trained model's predictions to a file: mode `predict`."""

from pathlib import Path

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.config.settings import Settings
from trainer.data.readers import ReadOptions
from trainer.data.task_source import TaskSource
from trainer.loading.model_version import model_version
from trainer.loading.new_model import model_path, naming_option
from trainer.loading.trained_model import open_trained
from trainer.prediction.job import TEXTS, PredictionJob
from trainer.prediction.run import predict_files
from trainer.prediction.sources import Inputs

_OPTION_NAMES = {
    "output": "predict_output",
    "task": "predict_task",
    "keep": "predict_keep",
    "output_columns": "predict_columns",
    "on_error": "--predict_on_error",
    "log": "predict_log",
    "log_groups": "predict_log_groups",
    "overwrite": "--overwrite_output_dir true",
}


def predict(settings: Settings) -> Path:
    """Write a trained model's predictions to a file, one row per row of the input, in its order.

    Only the first of several processes does so.

    Returns:
        The file.

    Raises:
        InputError: if the rows cannot be read or do not fit the task.
    """
    job = _job(settings)
    if settings.training.process_index == 0:
        predict_files(job, lambda: _open(settings))
    return job.output


def _open(settings: Settings) -> HybridMTLPipeline:
    run = settings.run
    # Our own classes, not the code in the folder, which is run only where it is trusted.
    with naming_option(model_path(run)):
        model, tokenizer = open_trained(model_path(run), run.model_revision)
    return HybridMTLPipeline(model=model, tokenizer=tokenizer, device=settings.training.device)


def _job(settings: Settings) -> PredictionJob:
    run, args = settings.run, settings.training
    entry = settings.tasks.get(run.predict_task or "")
    entries = list(settings.tasks.values()) if run.predict_task is None else [entry]
    sources = [each.source for each in entries if each is not None]
    default = "null" if entry is not None and entry.source.bad_rows == "drop" else "stop"
    columns = run.predict_columns
    return PredictionJob(
        inputs=_inputs(str(run.predict_file), sources),
        output=Path(run.predict_output or Path(args.output_dir) / "predictions.jsonl"),
        task=run.predict_task,
        texts={name: _candidates(name, sources) for name in TEXTS},
        keep=tuple(run.predict_keep or ()),
        output_columns=columns if isinstance(columns, dict) else None,
        probabilities=run.predict_probabilities,
        on_error=run.predict_on_error or default,
        batch_size=args.per_device_eval_batch_size,
        overwrite=run.overwrite_output_dir,
        show_progress=not args.disable_tqdm,
        log=Path(run.predict_log) if run.predict_log else None,
        log_groups=tuple(run.predict_log_groups or ()),
        log_version=_log_version(model_path(run)) if run.predict_log else None,
        option_names=_OPTION_NAMES,
    )


def _log_version(name: str) -> str | None:
    """Return the version of a folder's model; None for a repository, whose commit is not known."""
    return model_version(name, None) if Path(name).is_dir() else None


def _inputs(location: str, sources: list[TaskSource]) -> Inputs:
    """Return the rows, in the format of the tasks' own files if they have one."""
    options = [source.read_options for source in sources]
    if not options or any(other != options[0] for other in options):
        return Inputs((location,))
    read: ReadOptions = options[0]
    names = dict.fromkeys(name for source in sources for name in source.column_names)
    return Inputs((location,), read, tuple(names))


def _candidates(name: str, sources: list[TaskSource]) -> tuple[str, ...]:
    """Return a text's own name, and the column that it has in all tasks."""
    own_names = {str(source.columns.get(name, name)) for source in sources}
    return (name, *own_names) if len(own_names) == 1 else (name,)
