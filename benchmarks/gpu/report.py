"""Write the parts' findings as a table and a JSON file."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from benchmarks.gpu.settings import Settings
from benchmarks.speed.report import as_table

Found = dict[str, dict[str, Any]]


def write(settings: Settings, found: Found) -> str:
    """Write `gpu.json` and `gpu.md`; return the text of the second."""
    found = {"machine": machine(settings), **found}
    settings.path("gpu.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    text = "\n\n".join(["# On the device", *(_section(name, part) for name, part in found.items())])
    settings.path("gpu.md").write_text(text + "\n", encoding="utf-8")
    return text


def machine(settings: Settings) -> dict[str, Any]:
    """Return the device and the versions."""
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
    compared = {name: found for name, found in part.items() if _is_comparison(found)}
    rows = [(name, _shown(value)) for name, value in part.items() if name not in compared]
    tables = [as_table([("", ""), *rows])] if rows else []
    if compared:
        tables.insert(0, as_table(_comparisons(compared)))
    return "\n\n".join([f"## {title}", *tables])


def _is_comparison(found: Any) -> bool:
    return isinstance(found, dict) and "tokens_per_second" in found


def _comparisons(compared: dict[str, dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return a row for each shape and batch size: our rate and its ratio to each peer's."""
    peers = list(dict.fromkeys(name for found in compared.values() for name in found["over"]))
    rows = [("", "Real tokens/s", "(range)", "MFU", *(f"over {name}" for name in peers))]
    for name, found in compared.items():
        if "hybrid-mtl" not in found["tokens_per_second"]:
            rows.append(
                (name, "absent", found["absent"].get("hybrid-mtl", ""), "", *("" for _ in peers))
            )
            continue
        middle, low, high = found["tokens_per_second"]["hybrid-mtl"]
        over = [found["over"].get(peer) for peer in peers]
        rows.append(
            (
                name,
                f"{middle:,.0f}",
                f"{low:,.0f} to {high:,.0f}",
                f"{found['mfu']:.1%}",
                *(
                    "absent" if s is None else f"{s[0]:.2f} ({s[1]:.2f} to {s[2]:.2f})"
                    for s in over
                ),
            )
        )
    return rows


def _shown(value: Any) -> str:
    """Return a finding as the text of one cell."""
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
