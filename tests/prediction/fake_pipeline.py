"""A pipeline whose model only looks at token ids: quick, and the same in every process.

As a script, it predicts a file: `fake_pipeline.py INPUT OUTPUT WORKERS SECONDS [ENGINE]`, with a
pause of some seconds in every pass.
"""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import torch

from modeling_hybrid_mtl import HybridMTLConfig
from tests.modeling.toy_models import TASKS, toy_backbone_config, toy_tokenizer
from trainer.prediction.job import PredictionJob
from trainer.prediction.run import predict_files
from trainer.prediction.sources import Inputs


@dataclass
class FakePipeline:
    pause: float = 0.0
    dies_once: Path | None = None  # where the death is noted
    dies_always: bool = False
    fails: bool = False

    def __post_init__(self):
        self.device = "cpu"
        self.tokenizer = toy_tokenizer()
        tasks = {name: TASKS[name] for name in ("mood", "near")}
        config = HybridMTLConfig(toy_backbone_config(), tasks)
        self.model = SimpleNamespace(config=config, fingerprint="fake")

    def forward(self, features, task=None):
        time.sleep(self.pause)
        if self.fails:
            raise ValueError("the model is broken")
        if self.dies_always or (self.dies_once is not None and not self.dies_once.exists()):
            if self.dies_once is not None:
                self.dies_once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        ids, mask = features["input_ids"].double(), features["attention_mask"]
        sums = (ids * mask).sum(dim=1, keepdim=True)
        scores = (sums * torch.tensor([0.3, 0.7, 1.1])).sin().softmax(dim=-1)
        return {"prediction_mood": scores, "prediction_near": scores[:, 0]}


@dataclass
class OpenFake:
    """Opens the pipeline, in this process or another."""

    pause: float = 0.0
    dies_once: Path | None = None
    dies_always: bool = False
    fails: bool = False

    def __call__(self):
        return FakePipeline(**vars(self))


def job(source, output, **options) -> PredictionJob:
    options = {"task": "mood", "keep": ("id",), "show_progress": False, **options}
    return PredictionJob(Inputs((str(source),)), Path(output), **options)


def main(source: str, output: str, workers: str, pause: str, engine: str = "processes") -> None:
    # Under its own name: classes of `__main__` are unknown to Ray's processes.
    from tests.prediction import fake_pipeline

    given = job(source, output, workers=int(workers), engine=engine)
    predict_files(given, fake_pipeline.OpenFake(float(pause)))


if __name__ == "__main__":
    main(*sys.argv[1:])
