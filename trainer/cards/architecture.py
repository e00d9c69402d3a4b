"""The parts of a model and their sizes."""

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.lora_hybrid_mtl import adapted_layers
from trainer.cards.facts import Architecture, CardFacts, TaskFacts
from trainer.evaluation import DrawnTask, count_text, draw_model
from trainer.registry import HEADS


def architecture(model: HybridMTLModel) -> Architecture:
    """Count the parameters of a model's parts."""
    config = model.config
    adapters = dict.fromkeys(config.adapters, 0)
    for layer in adapted_layers(model.backbone).values():
        for matrices in (layer.lora_A, layer.lora_B):
            for name, matrix in matrices.items():
                adapters[name] += _count(matrix.parameters())
    return Architecture(
        encoder=config.backbone_config.model_type,
        layers=getattr(config.backbone_config, "num_hidden_layers", None),
        hidden_size=config.hidden_size,
        pooling=config.pooling,
        encoder_parameters=_count(model.backbone.parameters()) - sum(adapters.values()),
        heads={name: _count(head.parameters()) for name, head in model.heads.items()},
        adapters=adapters,
        shared_hidden_sizes=config.shared_hidden_sizes,
        shared_parameters=_count(model.shared_layers.parameters()),
        ranks={name: entry["rank"] for name, entry in config.adapters.items()},
    )


def draw_architecture(facts: CardFacts, path: Path) -> None:
    """Draw the model of a card, if its parts were recorded."""
    parts = facts.architecture
    if parts is None:
        return
    depth = "" if parts.layers is None else f"{parts.layers} layers of "
    encoder = [
        facts.base_model.split("/")[-1] if facts.base_model else "encoder",
        f"type: {parts.encoder}",
        f"{depth}{parts.hidden_size} units",
        f"{count_text(parts.encoder_parameters)} parameters",
        f"sentence vector: {parts.pooling}",
    ]
    if parts.shared_hidden_sizes:
        encoder.append(f"shared layers: {', '.join(map(str, parts.shared_hidden_sizes))}")
    tasks = [
        DrawnTask(
            task.name,
            _describe_input(task),
            _describe_head(task),
            _describe_size(parts.heads[task.name]),
            f"LoRA, rank {parts.ranks[task.name]}" if task.name in parts.adapters else None,
        )
        for task in facts.tasks
    ]
    draw_model(encoder, tasks, path)


def _describe_input(task: TaskFacts) -> str:
    if task.input == "single":
        return "one text"
    return "two texts, separately" if task.pair_encoding == "siamese" else "two texts, jointly"


def _describe_head(task: TaskFacts) -> str:
    if task.labels:
        units = {"tags": "labels of words", "labels": "labels, any number of them"}
        unit = units.get(task.output_type, "classes")
        return f"{len(task.labels)} {unit}"
    score = "cosine" if "cosine_range" in HEADS[task.kind].reads else "score"
    low, high = task.score_range or (0, 1)
    return f"{score}, {low:g} to {high:g}"


def _describe_size(parameters: int) -> str:
    return f"{count_text(parameters)} parameters" if parameters else "no weights of its own"


def _count(parameters: Iterable[Tensor]) -> int:
    return sum(parameter.numel() for parameter in parameters)
