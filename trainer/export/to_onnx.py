"""Encoder and heads as ONNX graphs, in float and in int8."""

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
    changed_answers,
    largest_difference,
    random_batches,
    text_batches,
)
from trainer.export.onnx_graph import EMBEDDINGS, INPUTS, ROWS, Graph, logits_name, readers
from trainer.export.onnx_model import OnnxModel

# Largest difference of an output from torch's, per unit of its largest value.
TOLERANCE = 1e-4
# A file of protocol buffers ends here.
LARGEST_FILE = 2**31
OPSET = 20
FIELDS = ("backbone_config", "tasks", "pooling", "adapters")


def write_onnx(
    model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> dict[str, Any]:
    """Write the graphs, in float and in int8, and the tokenizer.

    The float graphs are compared with the model on batches of several shapes, and the int8 ones on
    texts.

    Returns:
        What to say of them: see the file that `new_folder` writes.

    Raises:
        InputError: if the encoder cannot be traced or is too large, or a graph's answers differ.
    """
    config = json.loads(model.config.to_json_string(use_diff=False))
    description: dict[str, Any] = {
        "inputs": INPUTS,
        "rows": ROWS,
        "graphs": {},
        "config": {name: config[name] for name in FIELDS},
        "max_length": tokenizer.model_max_length,
    }
    for name, reader in readers(model):
        print(f"graph '{name}': {', '.join(reader.config.tasks) or 'sentence vectors alone'}")
        description["graphs"][name] = _write_graph(name, reader, folder)
    tokenizer.save_pretrained(folder)
    description["largest_difference"] = _check(model, tokenizer, folder, description)
    description["int8_changes"] = _compare_int8(model, tokenizer, folder, description)
    return description


def _write_graph(name: str, reader: HybridMTLModel, folder: Path) -> dict[str, Any]:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    files = {precision: f"{precision}/{name}.onnx" for precision in ("float", "int8")}
    for file in files.values():
        (folder / file).parent.mkdir(exist_ok=True)
    with _quiet():
        _trace(Graph(reader), folder / files["float"])
        # A scale for each column of a weight: as fast as one for all, and several times as exact.
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
            **{logits_name(task): _describe(reader, task) for task in reader.config.tasks},
        },
    }


def _describe(reader: HybridMTLModel, name: str) -> str:
    task = reader.config.task(name)
    rows = "rows / 2" if task.is_siamese else "rows"
    if task.reads_words:
        return f"logits of each token over the task's labels, ({rows}, length, classes)"
    if task.has_labels:
        return f"logits over the task's labels, ({rows}, classes)"
    return f"scores, to be cut off at the ends of the task's score_range, ({rows},)"


def _trace(graph: Graph, path: Path) -> None:
    size = sum(weight.numel() * weight.element_size() for weight in graph.state_dict().values())
    if size >= LARGEST_FILE:
        raise InputError(
            f"the model has {size / 2**30:.1f} GiB of weights, and an ONNX file holds less than 2"
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
    except Exception as error:  # whatever the encoder's own code raises when it is traced
        kind = graph.model.config.backbone_config.model_type
        # The exporter's own message is a page of advice to the encoder's authors.
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise InputError(
            f"an encoder of type {kind} cannot be exported to ONNX by this version of torch: "
            f"{reason}"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter and the quantizer say to those who develop them."""
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


def _check(
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
            f"the ONNX graph gives other answers than the model: {name} differs by "
            f"{difference:.1e}, more than {TOLERANCE}; nothing was written"
        )
    return difference


def _compare_int8(
    model: HybridMTLModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    description: dict[str, Any],
) -> dict[str, dict[str, float]]:
    found = changed_answers(
        model, OnnxModel(folder, description, "int8"), text_batches(model.config, tokenizer)
    )
    print("int8 against torch, on texts of the shipped sample:")
    for name, change in found.items():
        if name == EMBEDDINGS:
            print(f"    sentence vectors: cosines of {change['cosine']:.4f} or more")
            continue
        unit = "probability" if "same" in change else "score"
        line = (
            f"    {name}: a {unit} changes by {change['mean']:.4f}, at most {change['largest']:.4f}"
        )
        print(line + (f"; {change['same']:.1%} of labels unchanged" if "same" in change else ""))
    return found
