"""One of several processes, of which the last is asked to stop: FOLDER step|evaluation."""

import os
import signal
import sys
from pathlib import Path

from transformers import TrainerCallback

from tests.toys import toy_trainer
from trainer.training.callbacks.stop_on_signal import StopOnSignal, StoppedError


class _AskTheLast(TrainerCallback):
    def __init__(self, place):
        self.place, self.batches = place, 0

    def on_step_begin(self, args, state, control, **_):
        if self.place == "step" and state.global_step == 4:
            self.ask(args)

    def on_prediction_step(self, args, state, control, **_):
        self.batches += 1
        if self.place == "evaluation" and self.batches == 3:
            self.ask(args)

    def ask(self, args):
        if args.process_index == args.world_size - 1:
            os.kill(os.getpid(), signal.SIGTERM)


def main(folder: Path, place: str) -> None:
    """Train until the signal; every process writes the step after which it stopped."""
    ask = _AskTheLast(place)
    options = {"eval_strategy": "steps", "eval_steps": 5}
    trainer = toy_trainer(folder, callbacks=[ask, StopOnSignal()], **options)
    try:
        trainer.train()
    except StoppedError:
        rank = trainer.args.process_index
        told = f"{trainer.state.global_step} {ask.batches}"
        (folder / f"rank-{rank}.txt").write_text(told)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
