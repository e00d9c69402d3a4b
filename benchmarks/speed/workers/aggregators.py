"""Time training cycles with several aggregators and layouts, alternating in one process."""

import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.peers.protocol import Line, Message, read_job
from benchmarks.speed.workers.trainers import be_quiet, make_trainer, settings_of, tokenized
from trainer import HybridMTLTrainer


class Way:
    """A trainer on the same steps as all others, one cycle per call.

    Args:
        trainer: ours, with the aggregator or layout.
    """

    def __init__(self, trainer: HybridMTLTrainer):
        self.trainer: Any = trainer
        trainer.create_optimizer()
        self._steps = iter(list(trainer.get_train_dataloader()))

    def cycle(self) -> float:
        """Time one cycle: forward, backward, the aggregator, clipping and the step; in seconds."""
        trainer, step = self.trainer, next(self._steps)
        # A logged step computes separate gradients of the tasks with every aggregator: avoid it.
        trainer.state.global_step += 1
        start = time.perf_counter()
        steps, _ = trainer.get_batch_samples(iter([step]), 1, trainer.args.device)
        trainer.training_step(trainer.model, steps[0])
        trainer._clip_grad_norm(trainer.model)
        trainer.optimizer.step()
        trainer.model.zero_grad()
        return time.perf_counter() - start


def serve_ways(make: Callable[[dict[str, Any], Any], HybridMTLTrainer]) -> None:
    """Answer requests for cycles of a way with their seconds.

    Args:
        make: returns the trainer of a way, given the job and its entry of `ways`.
    """
    job, line = read_job(), Line()
    ways = {name: Way(make(job, options)) for name, options in job["ways"].items()}

    def answer(request: Message) -> Message:
        cycles = range(request["cycles"])
        return {"seconds": sum(ways[request["way"]].cycle() for _ in cycles)}

    line.serve(answer)


if __name__ == "__main__":
    be_quiet()
    with tempfile.TemporaryDirectory() as place:

        def make_way(job: dict[str, Any], options: list[str]) -> HybridMTLTrainer:
            settings = settings_of(job, place, *options)
            return make_trainer(settings, tokenized(job, settings))

        serve_ways(make_way)
