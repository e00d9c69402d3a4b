"""Train the model for the timed predictions and export it; report ready when all is written."""

import tempfile
from pathlib import Path

from benchmarks.peers.protocol import Line, read_job
from benchmarks.speed.workers.trainers import be_quiet, make_trainer, settings_of, tokenized
from trainer.export import export
from trainer.saving.model_folder import write_model


def train(job: dict, target: Path) -> None:
    heads = [text for name in job["tasks"] for text in (f"--tasks.{name}.learning_rate", "1.0e-3")]
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(job, folder, *heads)
        trainer = make_trainer(settings, tokenized(job, settings))
        trainer.train()
        write_model(trainer.model, trainer.processing_class, target)


def main() -> None:
    job, line = read_job(), Line()
    be_quiet()
    if job["cycles"]:
        train(job, Path(job["model"]))
    export(job["model"], job["onnx"], "onnx", overwrite=True)
    line.send({"ready": True})


if __name__ == "__main__":
    main()
