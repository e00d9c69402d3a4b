"""The functions of the modes train, evaluate and predict."""

from trainer.config.settings import Settings
from trainer.runs.evaluate import evaluate
from trainer.runs.folds import train_folds
from trainer.runs.predict import predict
from trainer.runs.train import train


def _train(settings: Settings) -> dict[str, float]:
    """Train one model, or one for each fold."""
    in_folds = settings.run.folds is not None and settings.run.fold is None
    return train_folds(settings) if in_folds else train(settings)


MODES = {"train": _train, "evaluate": evaluate, "predict": predict}
