"""Adapters in peft's own format, written and read."""

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
from modeling_hybrid_mtl.adapters_hybrid_mtl import (
    adapted_layers,
    merge_adapter_weights,
    remove_adapter,
    target_layers,
)
from modeling_hybrid_mtl.configuration_hybrid_mtl import SHARED_ADAPTER
from trainer.errors import InputError
from trainer.saving.files import atomic_dir

ADAPTERS = "adapters"
CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
# What peft writes in front of an encoder's own names.
PREFIX = "base_model.model."
# A LoraConfig's fields that are read here, that the names of the weights tell as well, or that
# change no answer; all others must be as they are by default.
ANY_VALUE = {
    *("r", "lora_alpha", "lora_dropout", "use_rslora"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
    *("auto_mapping", "base_model_name_or_path", "inference_mode", "peft_version", "revision"),
    "task_type",
}


def plain_encoder(model: HybridMTLModel) -> PreTrainedModel:
    """A copy of the encoder without the tasks' adapters, which peft can give them back to.

    An adapter that all tasks share is folded in.
    """
    encoder: Any = copy.deepcopy(model.backbone)
    for name in model.config.adapters:
        (merge_adapter_weights if name == SHARED_ADAPTER else remove_adapter)(encoder, name)
    return encoder.eval()


def write_peft_adapters(model: HybridMTLModel, folder: Path) -> None:
    """Write each task's adapter to `folder/adapters/TASK`, for `PeftModel.from_pretrained`.

    There it stands for additions to `plain_encoder(model)`, and gives the token vectors that the
    task's head reads.
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
    """Give a task the adapter that peft saved in a folder.

    Args:
        model: the model; the adapter was trained on its encoder.
        task: the task, which has no adapter yet.
        folder: what `PeftModel.save_pretrained` wrote.

    Raises:
        InputError: if the folder holds something other than plain low-rank additions, or additions
            to layers that this encoder does not have.
    """
    folder = Path(folder)
    missing = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"'{folder}' holds no adapter of peft's: there is no {missing[0]}")
    try:
        config: Any = PeftConfig.from_pretrained(str(folder))
        weights = load_file(folder / WEIGHTS_FILE)
    except (KeyError, OSError, SafetensorError, TypeError, ValueError) as error:
        raise InputError(f"'{folder}': the adapter cannot be read: {error}") from error
    _check_plain(folder, config)
    targets = sorted({key.split(".lora_")[0].removeprefix(PREFIX) for key in weights})
    try:
        _check_shapes(weights, target_layers(model.backbone, targets), config.r)
        model.attach_task_adapters(
            [task],
            rank=config.r,
            # peft scales by alpha / sqrt(rank) then, and layers here by alpha / rank.
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
        raise ValueError(f"{WEIGHTS_FILE} does not fit the layers of this encoder")


def _check_plain(folder: Path, config: Any) -> None:
    if not isinstance(config, LoraConfig):
        kind = getattr(config.peft_type, "value", config.peft_type)
        raise InputError(f"'{folder}': is of peft's type {kind}; only LORA can be read")
    default = LoraConfig().to_dict()
    for name, value in config.to_dict().items():
        # Random starts leave the encoder's own weights alone; the others do not.
        random_start = name == "init_lora_weights" and value in (False, "gaussian", "orthogonal")
        if name not in ANY_VALUE and value != default[name] and not random_start:
            raise InputError(f"'{folder}': {name} = {value!r} cannot be kept in this model")


def _matrices(model: HybridMTLModel, name: str) -> dict[str, nn.Parameter]:
    """An adapter's matrices by peft's names for them."""
    found: dict[str, nn.Parameter] = {}
    for path, layer in adapted_layers(model.backbone).items():
        for letter, matrices in (("A", layer.lora_A), ("B", layer.lora_B)):
            if name in matrices:
                found[f"{PREFIX}{path}.lora_{letter}.weight"] = getattr(matrices, name).weight
    return found
