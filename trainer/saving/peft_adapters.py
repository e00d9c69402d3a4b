"""Saving and loading of adapters in peft's format."""

import copy
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.configuration_hybrid_mtl import SHARED_ADAPTER
from modeling_hybrid_mtl.lora_hybrid_mtl import (
    adapted_layers,
    merge_adapter_weights,
    remove_adapter,
    target_layers,
)
from trainer.errors import InputError
from trainer.saving.files import atomic_dir

ADAPTERS = "adapters"
CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
# Prefix of an encoder's parameter names in peft's files.
PREFIX = "base_model.model."
# Fields of LoraConfig that are used here, that follow from the names of the weights, or that do not
# affect outputs; all others must have their default.
ANY_VALUE = {
    *("r", "lora_alpha", "lora_dropout", "use_rslora"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
    *("auto_mapping", "base_model_name_or_path", "inference_mode", "peft_version", "revision"),
    "task_type",
}


def plain_encoder(model: HybridMTLModel) -> PreTrainedModel:
    """Return a copy of the encoder without task adapters, as the base for peft's.

    The adapter shared by all tasks is merged.
    """
    encoder: Any = copy.deepcopy(model.backbone)
    for name in model.config.adapters:
        (merge_adapter_weights if name == SHARED_ADAPTER else remove_adapter)(encoder, name)
    return encoder.eval()


def write_peft_adapters(model: HybridMTLModel, folder: Path) -> None:
    """Write each task's adapter to `folder/adapters/TASK`, for `PeftModel.from_pretrained`.

    On `plain_encoder(model)` it yields the token vectors that the task's head gets.
    """
    for task, entry in model.config.adapters.items():
        if task == SHARED_ADAPTER:
            continue
        config = LoraConfig(
            r=entry["rank"],
            lora_alpha=entry["alpha"],
            lora_dropout=entry["dropout"],
            target_modules=entry["target_modules"],
            inference_mode=True,
        )
        weights = {
            key: matrix.detach().cpu().contiguous()
            for key, matrix in _matrices(model, task).items()
        }
        with atomic_dir(folder / ADAPTERS / task) as staged:
            config.save_pretrained(str(staged))
            save_file(weights, staged / WEIGHTS_FILE, {"format": "pt"})


def read_peft_adapter(model: HybridMTLModel, task: str, folder: str | Path) -> None:
    """Attach an adapter saved by peft to a task.

    Args:
        model: the model, on whose encoder the adapter was trained.
        task: a task without an adapter.
        folder: a folder written by `PeftModel.save_pretrained`.

    Raises:
        InputError: if the folder contains no plain LoRA adapter, or its layers do not exist in the
            encoder.
    """
    folder = Path(folder)
    missing = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"'{folder}' is not a peft adapter: there is no {missing[0]}")
    try:
        config: Any = PeftConfig.from_pretrained(str(folder))
        weights = load_file(folder / WEIGHTS_FILE)
    except (KeyError, OSError, SafetensorError, TypeError, ValueError) as error:
        raise InputError(f"'{folder}': the adapter cannot be loaded: {error}") from error
    _check_plain(folder, config)
    targets = sorted({key.split(".lora_")[0].removeprefix(PREFIX) for key in weights})
    try:
        _check_shapes(weights, target_layers(model.backbone, targets), config.r)
        model.attach_task_adapters(
            [task],
            rank=config.r,
            # rsLoRA scales by alpha / sqrt(rank), layers here by alpha / rank.
            alpha=config.lora_alpha * (config.r**0.5 if config.use_rslora else 1),
            dropout=config.lora_dropout,
            target_modules=targets,
        )
    except ValueError as error:
        raise InputError(f"'{folder}': {error}") from error
    with torch.no_grad():
        for key, matrix in _matrices(model, task).items():
            matrix.copy_(weights[key])


def _check_shapes(weights: dict[str, Tensor], layers: dict[str, nn.Linear], rank: int) -> None:
    expected: dict[str, tuple[int, ...]] = {}
    for path, layer in layers.items():
        expected[f"{PREFIX}{path}.lora_A.weight"] = (rank, layer.in_features)
        expected[f"{PREFIX}{path}.lora_B.weight"] = (layer.out_features, rank)
    if {key: tuple(weight.shape) for key, weight in weights.items()} != expected:
        raise ValueError(f"{WEIGHTS_FILE} does not match the layers of this encoder")


def _check_plain(folder: Path, config: Any) -> None:
    if not isinstance(config, LoraConfig):
        kind = getattr(config.peft_type, "value", config.peft_type)
        raise InputError(f"'{folder}': unsupported peft type {kind}, expected LORA")
    default = LoraConfig().to_dict()
    for name, value in config.to_dict().items():
        # Other initializations change the encoder's weights.
        random_start = name == "init_lora_weights" and value in (False, "gaussian", "orthogonal")
        if name not in ANY_VALUE and value != default[name] and not random_start:
            raise InputError(f"'{folder}': {name} = {value!r} is not supported")


def _matrices(model: HybridMTLModel, name: str) -> dict[str, nn.Parameter]:
    """Return an adapter's matrices by their names in peft."""
    by_name: dict[str, nn.Parameter] = {}
    for path, layer in adapted_layers(model.backbone).items():
        for letter, matrices in (("A", layer.lora_A), ("B", layer.lora_B)):
            if name in matrices:
                by_name[f"{PREFIX}{path}.lora_{letter}.weight"] = getattr(matrices, name).weight
    return by_name
