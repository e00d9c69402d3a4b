"""The pipeline of an exported ONNX folder."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from modeling_hybrid_mtl import HybridMTLPipeline
from trainer.errors import InputError
from trainer.export.folder import read_description
from trainer.export.onnx_model import OnnxModel
from trainer.export.packages import require


def onnx_pipeline(
    folder: str | Path, precision: str = "float", **session: Any
) -> HybridMTLPipeline:
    """Return the equivalent of `pipeline("hybrid-mtl", ...)` that runs in onnxruntime.

    Its `model`, called without a task, returns sentence vectors.

    Args:
        folder: an export of the format `onnx`.
        precision: `float` or `int8`.
        **session: options of `onnxruntime.InferenceSession`, such as `providers`.

    Raises:
        InputError: if the folder is not such an export, or onnxruntime is not installed.
    """
    require("onnx_pipeline", "onnxruntime")
    folder = Path(folder)
    description = read_description(folder)
    if description["format"] != "onnx":
        raise InputError(f"'{folder}' is an export of format '{description['format']}', not 'onnx'")
    model: Any = OnnxModel(folder, description, precision, **session)
    tokenizer = AutoTokenizer.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False
    )
    return HybridMTLPipeline(model=model, tokenizer=tokenizer, device="cpu")
