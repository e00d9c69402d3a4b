"""The model of a server: a folder, a Hub repository or an ONNX export."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from modeling_hybrid_mtl import HybridMTLPipeline, TaskConfig
from trainer.errors import InputError, did_you_mean
from trainer.loading.model_version import model_version
from trainer.loading.trained_model import open_trained
from trainer.serving.errors import RequestError
from trainer.serving.passes import Row

EXPORT = "export.json"


@dataclass
class ServedModel:
    """A model with its name.

    Attributes:
        pipe: its pipeline.
        name: for callers; a folder's own name, without its path.
        version: a commit or a fingerprint.
        engine: `torch` or `onnxruntime`.
        precision: `float` or `int8`.
    """

    pipe: HybridMTLPipeline
    name: str
    version: str
    engine: str = "torch"
    precision: str = "float"

    def __post_init__(self) -> None:
        config = self.pipe.model.config
        self.tasks: dict[str, TaskConfig] = {name: config.task(name) for name in config.tasks}
        self.max_tokens = int(self.pipe._limit(None))
        self.dimensions = len(self.vector("a"))

    def vector(self, text: str) -> Any:
        """Return the sentence vector (H,) of a text."""
        with torch.inference_mode():
            encoded = self.pipe.tokenizer(text, truncation=True, return_tensors="pt")
            return self.pipe.model(**encoded.to(self.pipe.model.device)).embeddings[0]

    def task(self, name: str, kind: str | None = None) -> TaskConfig:
        """Return a task.

        Args:
            name: the task's name.
            kind: `single` or `pair`, if the task must be of this kind.

        Raises:
            RequestError: if there is no such task.
        """
        fitting = [n for n, task in self.tasks.items() if kind in (None, task.input)]
        if name not in fitting:
            what = {"single": "task of one text", "pair": "task of pairs"}.get(kind or "", "task")
            raise RequestError(
                422,
                f"There is no {what} {name[:80]!r}; it must be one of {', '.join(fitting)}."
                f"{did_you_mean(name[:80], fitting)}",
            )
        return self.tasks[name]

    def check_row(self, texts: dict[str, str], task: str | None, place: str) -> None:
        """Check that a task, or some task, supports a row.

        Raises:
            RequestError: naming the place of the row.
        """
        kind = "pair" if "text_pair" in texts else "single"
        if task is None and not any(entry.input == kind for entry in self.tasks.values()):
            what = "pairs" if kind == "pair" else "one text"
            raise RequestError(422, f"{place}This model has no task of {what}.")
        if task is not None and self.task(task).input != kind:
            needed = "one text" if kind == "pair" else '{"text": ..., "text_pair": ...}'
            raise RequestError(422, f"{place}The task '{task}' requires {needed}.")

    def describe(self) -> dict[str, Any]:
        """Return the facts of the model for callers."""
        return {
            "name": self.name,
            "version": self.version,
            "engine": self.engine,
            "precision": self.precision,
            "dimensions": self.dimensions,
            "max_tokens": self.max_tokens,
            "tasks": {
                name: {
                    "kind": task.kind,
                    "input": task.input,
                    **({"labels": list(task.labels or [])} if task.has_labels else {}),
                    **({} if task.has_labels else {"score_range": list(task.score_range or [])}),
                }
                for name, task in self.tasks.items()
            },
        }


def warm_up_rows(model: ServedModel) -> list[Row]:
    """Return a row for each kind of pass of a model, to be run before the first request."""
    kinds = {task.input for task in model.tasks.values()}
    rows = [Row({"text": "a"}, embed=True)]
    if "single" in kinds:
        rows.append(Row({"text": "a"}))
    if "pair" in kinds:
        rows.append(Row({"text": "a", "text_pair": "a"}))
    return rows


def open_served(
    name: str,
    *,
    revision: str | None = None,
    precision: str | None = None,
    served_name: str | None = None,
    threads: int | None = None,
) -> ServedModel:
    """Return a model to serve, opened with this project's own code.

    Args:
        name: a model's folder or repository, or the folder of an ONNX export.
        revision: of a repository.
        precision: of an ONNX export: `float` or `int8`.
        served_name: the name for callers.
        threads: threads of a pass.

    Raises:
        InputError: if there is no such model, or an option does not fit it.
    """
    folder = Path(name)
    is_folder = folder.is_dir()
    if is_folder and revision is not None:
        raise InputError(f"revision: '{name}' is a folder; only Hub repositories have revisions")
    if threads is not None and threads < 1:
        raise InputError(f"threads = {threads}: must be 1 or more")
    torch.set_num_threads(threads or torch.get_num_threads())
    title = served_name or (folder.resolve().name if is_folder else name)
    if (folder / EXPORT).is_file():
        precision = precision or "float"
        pipe = _open_onnx(folder, precision, threads)
        return ServedModel(pipe, title, model_version(name, None), "onnxruntime", precision)
    if precision not in (None, "float"):
        raise InputError(
            f"precision = '{precision}': needs an ONNX export; write one with "
            f"hybrid-mtl export {name} OUTPUT --format onnx, and serve OUTPUT"
        )
    model, tokenizer = open_trained(name, revision)
    pipe = HybridMTLPipeline(model=model, tokenizer=tokenizer)
    commit = getattr(model.config, "_commit_hash", None)
    return ServedModel(pipe, title, model_version(name, commit))


def _open_onnx(folder: Path, precision: str, threads: int | None) -> HybridMTLPipeline:
    from trainer.export import onnx_pipeline
    from trainer.export.packages import require

    require("serving an export", "onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    # Between two batches the cores are free for the server itself.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnx_pipeline(folder, precision, sess_options=options)
