"""Write a model with three tasks of one text, untrained: the time of a pass is the same."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from benchmarks.peers.protocol import Line, read_job
from benchmarks.speed.workers.predict import HEADS, LABELS
from modeling_hybrid_mtl import HybridMTLModel
from trainer.saving.model_folder import write_model


def main() -> None:
    job, line = read_job(), Line()
    tasks: dict[str, Any] = {name: {"kind": "classification", "labels": LABELS} for name in HEADS}
    tokenizer = AutoTokenizer.from_pretrained(job["weights"])
    tokenizer.model_max_length = job["max_length"]
    model = HybridMTLModel.from_backbone(job["weights"], tasks)
    write_model(model, tokenizer, Path(job["model"]))
    line.send({"ready": True})


if __name__ == "__main__":
    main()
