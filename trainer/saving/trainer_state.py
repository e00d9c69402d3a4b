"""State of a checkpoint besides weights, optimizer and schedule, in one file without pickle."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

STATE_FILE = "hybrid_mtl_state.safetensors"


def save_state(folder: Path, states: Mapping[str, Mapping[str, Any]]) -> None:
    """Write each part's state, tensors and plain values by name, atomically."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, dict[str, Any]] = {}
    for part, state in states.items():
        plain[part] = {k: v for k, v in state.items() if not isinstance(v, Tensor)}
        for key, value in state.items():
            if isinstance(value, Tensor):
                # A copy, since the format does not support shared storage.
                tensors[f"{part}/{key}"] = value.detach().cpu().clone().contiguous()
    temporary = folder / f".{STATE_FILE}.{os.getpid()}.tmp"
    try:
        save_file(tensors, temporary, metadata={"plain": json.dumps(plain)})
        os.replace(temporary, folder / STATE_FILE)
    finally:
        temporary.unlink(missing_ok=True)


def load_state(folder: Path, device: torch.device) -> dict[str, dict[str, Any]]:
    """Return each part's state as saved by `save_state`; an empty mapping if there is no file."""
    path = folder / STATE_FILE
    if not path.is_file():
        return {}
    # Distributed processes on a CPU have "cpu:0", which safetensors does not support.
    location = "cpu" if device.type == "cpu" else str(device)
    with safe_open(path, framework="pt", device=location) as file:
        states: dict[str, dict[str, Any]] = json.loads(file.metadata()["plain"])
        for name in file.keys():  # noqa: SIM118 - not a mapping
            part, _, key = name.partition("/")
            states[part][key] = file.get_tensor(name)
    return states
