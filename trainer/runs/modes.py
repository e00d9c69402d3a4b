"""The modes of `scripts/run_mtl.py`: train, evaluate, predict."""

from trainer.runs.evaluate import evaluate
from trainer.runs.predict import predict
from trainer.runs.train import train

MODES = {"train": train, "evaluate": evaluate, "predict": predict}
