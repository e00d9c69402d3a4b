"""A table and a JSON file of what the parts found."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from benchmarks.gpu.settings import Settings
from benchmarks.speed.report import as_table

Found = dict[str, dict[str, Any]]


def write(settings: Settings, found: Found) -> str:
    """Write `gpu.json` and `gpu.md`; gives the text of the second."""
    found = {"machine": machine(settings), **found}
    settings.path("gpu.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    text = "\n\n".join(["# On the device", *(_section(name, part) for name, part in found.items())])
    settings.path("gpu.md").write_text(text + "\n", encoding="utf-8")
    return text


def machine(settings: Settings) -> dict[str, Any]:
    """The device and the versions."""
    card = torch.cuda.get_device_name() if settings.device == "cuda" else platform.machine()
    return {
        "device": card,
        "python": platform.python_version(),
        "dry_run": settings.toy,
        **{name: _version(name) for name in ("torch", "transformers", "sentence-transformers")},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _section(title: str, part: dict[str, Any]) -> str:
    rows = [(name, _shown(value)) for name, value in part.items()]
    return f"## {title}\n\n{as_table([('', ''), *rows])}"


def _shown(value: Any) -> str:
    """A finding in one cell."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, list):
        return " ".join(map(_shown, value))
    if isinstance(value, dict):
        parts = [f"{name}: {_shown(inner)}" for name, inner in value.items()]
        return "; ".join(parts) or "none"
    return str(value).replace("|", "/").replace("\n", " ")
