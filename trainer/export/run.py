"""The export of a trained model to one format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from modeling_hybrid_mtl import HybridMTLModel
from trainer.errors import InputError
from trainer.export.card import ONNX, SENTENCE_TRANSFORMERS, export_card, read_origin
from trainer.export.folder import check_output, staged_folder
from trainer.export.packages import require
from trainer.export.to_onnx import write_onnx
from trainer.export.to_sentence_transformers import write_sentence_transformer
from trainer.loading.model_version import EXPORTED, model_version
from trainer.loading.trained_model import open_trained
from trainer.saving.files import write_text

# Format -> its writer and the packages that it requires.
FORMATS: dict[str, tuple[Callable[..., dict[str, Any]], tuple[str, ...]]] = {
    SENTENCE_TRANSFORMERS: (write_sentence_transformer, ("sentence_transformers",)),
    ONNX: (write_onnx, ("onnx", "onnxruntime", "onnxscript")),
}


def export(
    source: str,
    output: str | Path,
    format: str,
    *,
    task: str | None = None,
    revision: str | None = None,
    overwrite: bool = False,
) -> None:
    """Export a trained model to another library's format and check that its outputs are the same.

    Args:
        source: the folder or Hub repository of a model trained with hybrid-mtl.
        output: the output folder, written atomically.
        format: one of `FORMATS`.
        task: export only this task, with its adapter merged into the encoder.
        revision: the branch, tag or commit of a Hub repository.
        overwrite: replace an earlier export in the output folder.

    Raises:
        InputError: if the model cannot be opened or exported, the outputs differ from the model's,
            a package is missing, or the output folder contains other files.
    """
    if format not in FORMATS:
        raise InputError(f"format = '{format}': must be one of {', '.join(FORMATS)}")
    write, packages = FORMATS[format]
    require(f"the format '{format}'", *packages)
    target = Path(output).resolve()
    check_output(target, overwrite=overwrite)
    model, tokenizer = open_trained(source, revision, dtype=torch.float32)
    commit = getattr(model.config, "_commit_hash", None)
    description: dict[str, Any] = {"format": format, "task": task}
    description[EXPORTED] = model_version(source, commit)
    with staged_folder(target, description) as staged:
        exported = _select_task(model, task)
        description |= write(exported, tokenizer, staged)
        card = export_card(format, read_origin(source, revision), exported, tokenizer)
        write_text(staged / "README.md", card)
    print(f"written to {output}")


def _select_task(model: HybridMTLModel, task: str | None) -> HybridMTLModel:
    if task is None:
        return model
    try:
        return model.merged(task)
    except ValueError as error:
        raise InputError(str(error)) from error
