"""Time predictions of files, and the same model in a loop over texts in memory."""

import csv
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers.protocol import Line, Message, read_job, seconds_of
from benchmarks.speed.workers.predict import open_tokenizer
from benchmarks.speed.workers.trainers import be_quiet
from modeling_hybrid_mtl import HybridMTLModel, HybridMTLPipeline
from trainer.export.any_model import AnyModel
from trainer.prediction.job import PredictionJob
from trainer.prediction.run import predict_files
from trainer.prediction.sources import Inputs
from trainer.saving.model_folder import write_model

TASK = "mood"
# Small enough that processes end together.
ROWS_PER_PART = 256


def write_rows(path: Path, texts: list[str], times: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(texts * times))


@torch.inference_mode()
def loop(pipe: HybridMTLPipeline, texts: list[str], size: int) -> list[int]:
    """Return the class of each text; texts of similar length share a batch."""
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    found: list[int] = []
    for start in range(0, len(order), size):
        chosen = [texts[i] for i in order[start : start + size]]
        inputs = pipe.tokenizer(chosen, padding=True, truncation=True, return_tensors="pt")
        found += pipe.model(**inputs, task=TASK).logits.argmax(dim=-1).tolist()
    return [found[i] for i in torch.tensor(order).argsort().tolist()]


class Files:
    """The files of the benchmark, and the model.

    Args:
        job: the texts, the weights, and the folder.
    """

    def __init__(self, job: dict[str, Any]):
        self._job, self._folder = job, Path(job["folder"])
        tasks: dict[str, Any] = {
            TASK: {"kind": "classification", "labels": ["bad", "so-so", "good"]}
        }
        model = HybridMTLModel.from_backbone(job["weights"], tasks)
        model_folder = self._folder / "model"
        write_model(model, open_tokenizer(job), model_folder)
        for times in (1, 2):
            write_rows(self._folder / f"rows{times}.csv", job["texts"], times)
        self._model = AnyModel(str(model_folder), device="cpu", threads=1)
        self._pipe = self._model.open()

    def bare(self) -> None:
        loop(self._pipe, self._job["texts"], self._job["batch_size"])

    def predict(self, workers: int, times: int, parts: bool) -> None:
        job = PredictionJob(
            Inputs((str(self._folder / f"rows{times}.csv"),)),
            self._folder / ("parts.csv" if parts else "predicted.csv"),
            task=TASK,
            keep=("id",),
            rows_per_part=ROWS_PER_PART if parts else None,
            batch_size=self._job["batch_size"],
            workers=workers,
            threads=1,
            overwrite=True,
            show_progress=False,
        )
        predict_files(job, (lambda: self._pipe) if workers == 1 else self._model.open)


def main() -> None:
    job, line = read_job(), Line()
    be_quiet()
    files = Files(job)

    def answer(request: Message) -> Message:
        if request.pop("bare"):
            return {"seconds": seconds_of(files.bare)}
        return {"seconds": seconds_of(lambda: files.predict(**request))}

    line.serve(answer)


if __name__ == "__main__":
    main()
