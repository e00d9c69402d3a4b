"""Export of the encoder and heads as ONNX graphs, in float and int8."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLModel
from trainer.errors import InputError
from trainer.export.compare import (
    largest_difference,
    prediction_changes,
    random_batches,
    text_batches,
)
from trainer.export.onnx_graph import EMBEDDINGS, INPUTS, ROWS, Graph, graph_models, logits_name
from trainer.export.onnx_model import OnnxModel

# Largest difference of an output from torch's, relative to its largest value.
TOLERANCE = 1e-4
# The size limit of protocol buffers, in bytes.
MAX_FILE_SIZE = 2**31
OPSET = 20
CONFIG_FIELDS = ("backbone_config", "tasks", "pooling", "shared_hidden_sizes", "adapters")


def write_onnx(
    model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> dict[str, Any]:
    """Write the graphs, in float and int8, and the tokenizer.

    Compare the float graphs with the model on random batches of several shapes, and the int8
    graphs on texts.

    Returns:
        The graphs' entries of the export's description.

    Raises:
        InputError: if the encoder cannot be traced or is too large, or the float outputs differ.
    """
    config = json.loads(model.config.to_json_string(use_diff=False))
    description: dict[str, Any] = {
        "inputs": INPUTS,
        "rows": ROWS,
        "graphs": {},
        "config": {name: config[name] for name in CONFIG_FIELDS},
        "max_length": tokenizer.model_max_length,
    }
    for name, graph_model in graph_models(model):
        print(f"graph '{name}': {', '.join(graph_model.config.tasks) or 'sentence vectors only'}")
        description["graphs"][name] = _write_graph(name, graph_model, folder)
    tokenizer.save_pretrained(folder)
    description["largest_difference"] = _check_float(model, tokenizer, folder, description)
    description["int8_changes"] = _compare_int8(model, tokenizer, folder, description)
    return description


def _write_graph(name: str, model: HybridMTLModel, folder: Path) -> dict[str, Any]:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    files = {precision: f"{precision}/{name}.onnx" for precision in ("float", "int8")}
    for file in files.values():
        (folder / file).parent.mkdir(exist_ok=True)
    with _silence_exporters():
        _trace(Graph(model), folder / files["float"])
        # A scale per column of a weight is as fast as one per weight, and several times as exact.
        quantize_dynamic(
            folder / files["float"],
            folder / files["int8"],
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
    return {
        "files": files,
        "outputs": {
            EMBEDDINGS: "sentence vectors, (rows, width)",
            **{logits_name(task): _describe_output(model, task) for task in model.config.tasks},
        },
    }


def _describe_output(model: HybridMTLModel, name: str) -> str:
    task = model.config.task(name)
    rows = "rows / 2" if task.is_siamese else "rows"
    divided = "" if task.temperature is None else f", to be divided by {task.temperature:.6g}"
    if task.reads_words:
        return f"logits of each token over the task's labels, ({rows}, length, classes){divided}"
    if task.output_type == "labels":
        return f"logits of each of the task's labels, each by itself, ({rows}, classes){divided}"
    if task.has_labels:
        return f"logits over the task's labels, ({rows}, classes){divided}"
    return f"scores, to be clipped to the task's score_range, ({rows},)"


def _trace(graph: Graph, path: Path) -> None:
    size = sum(weight.numel() * weight.element_size() for weight in graph.state_dict().values())
    if size >= MAX_FILE_SIZE:
        raise InputError(
            f"the model has {size / 2**30:.1f} GiB of weights; an ONNX file must be below 2 GiB"
        )
    shape = {0: "rows", 1: "length"}
    try:
        torch.onnx.export(
            graph,
            graph.example(),
            path,
            input_names=graph.inputs,
            output_names=graph.outputs,
            dynamic_shapes=tuple(shape for _ in graph.inputs),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    except Exception as error:  # the encoder's code may raise anything when traced
        kind = graph.model.config.backbone_config.model_type
        # The first line: the rest is advice to the encoder's authors.
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise InputError(
            f"an encoder of type {kind} cannot be exported to ONNX by this version of torch: "
            f"{reason}"
        ) from error


@contextmanager
def _silence_exporters() -> Iterator[None]:
    """Suppress the developer warnings of the exporter and the quantizer."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "root")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _check_float(
    model: HybridMTLModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    description: dict[str, Any],
) -> float:
    difference, name = largest_difference(
        model, OnnxModel(folder, description, "float"), random_batches(model.config, tokenizer)
    )
    print(f"largest difference from torch: {difference:.1e} ({name})")
    if not difference <= TOLERANCE:
        raise InputError(
            f"the outputs of the ONNX graph differ from the model's: {name} by {difference:.1e}, "
            f"more than {TOLERANCE}; nothing was written"
        )
    return difference


def _compare_int8(
    model: HybridMTLModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    description: dict[str, Any],
) -> dict[str, dict[str, float]]:
    changes = prediction_changes(
        model, OnnxModel(folder, description, "int8"), text_batches(model.config, tokenizer)
    )
    print("int8 compared with torch, on texts of the shipped sample:")
    for name, change in changes.items():
        if name == EMBEDDINGS:
            print(f"    sentence vectors: cosine at least {change['cosine']:.4f}")
            continue
        unit = "probability" if "same" in change else "score"
        line = f"    {name}: {unit} change {change['mean']:.4f} on average, "
        line += f"{change['largest']:.4f} at most"
        print(line + (f"; {change['same']:.1%} of labels unchanged" if "same" in change else ""))
    return changes
