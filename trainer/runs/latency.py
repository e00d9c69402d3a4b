"""The time of a prediction of the trained model."""

import time
from statistics import median

from trainer.loading.datasets import PreparedData
from trainer.prediction.examples import choose_rows
from trainer.runs.trained_pipeline import trained_pipeline
from trainer.training.hybrid_trainer import HybridMTLTrainer

# Few, so that the pipeline does not advise batches on a GPU.
_CALLS, _WARM_UP = 8, 2


def measure_latency(data: PreparedData, trainer: HybridMTLTrainer) -> float | None:
    """Return the median time in ms of a call of the pipeline with one short input.

    The input is a validation row of the first task with short ones; the call predicts every task
    that it fits. Return None if there is no such row.
    """
    for name, task in trainer.tasks.items():
        found = choose_rows(data.validation_texts[name], task, 1)
        if not found:
            continue
        row = {key: value for key, value in found[0].items() if key != "label"}
        pipe = trained_pipeline(trainer)
        seconds = []
        for _ in range(_WARM_UP + _CALLS):
            begin = time.perf_counter()
            pipe(row)
            seconds.append(time.perf_counter() - begin)
        return 1000 * median(seconds[_WARM_UP:])
    return None
