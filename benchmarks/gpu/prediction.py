"""Prediction speed of the pipeline: many texts, one text, all tasks compared with one."""

from statistics import median
from typing import Any

import torch
from transformers import AutoTokenizer

from benchmarks.gpu.findings import Findings
from benchmarks.gpu.settings import Settings
from benchmarks.gpu.shapes import drawn_tasks, encoder_folder, shapes_of, wait
from benchmarks.peers.protocol import seconds_of
from modeling_hybrid_mtl import HybridMTLModel, HybridMTLPipeline

HEADS = ("first", "second", "third")


def measure(settings: Settings, findings: Findings) -> None:
    """Add texts per second and milliseconds, for every shape."""
    for shape in shapes_of(settings):
        findings.add(shape, of_shape(settings, shape))


def of_shape(settings: Settings, shape: str) -> dict[str, Any]:
    folder = encoder_folder(settings, shape)
    texts, single, size = (16, 2, 8) if settings.toy else (2048, 32, 64)
    rows = drawn_tasks(folder, texts, settings.seed)["sentiment"]["rows"]
    words = [row["text"] for row in rows]
    labels = ["a", "b", "c", "d", "e"]
    tasks: dict[str, Any] = {name: {"kind": "classification", "labels": labels} for name in HEADS}
    model = HybridMTLModel.from_backbone(folder, tasks).to(
        torch.bfloat16 if settings.bf16 else torch.float32
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = 128
    pipe = HybridMTLPipeline(model=model, tokenizer=tokenizer, device=settings.device)

    def seconds(way: Any) -> float:
        def once() -> None:
            way()
            wait(settings.device)

        once()
        return median(seconds_of(once) for _ in range(max(settings.repetitions, 1)))

    one = seconds(lambda: pipe(words, task=HEADS[0], batch_size=size))
    three = seconds(lambda: pipe(words, batch_size=size))
    alone = seconds(lambda: [pipe(text, task=HEADS[0]) for text in words[:single]])
    return {
        "texts_per_second": len(words) / one,
        "texts_per_second_three_tasks": len(words) / three,
        "three_tasks_over_one": three / one,
        "milliseconds_for_one_text": 1000 * alone / single,
    }
