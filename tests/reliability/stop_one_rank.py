"""One of several processes, of which the last is asked to stop: FOLDER."""

import os
import signal
import sys
from pathlib import Path

from transformers import TrainerCallback

from tests.toys import toy_trainer
from trainer.stopping import StoppedError, StopOnSignal


class _AskTheLast(TrainerCallback):
    def on_step_begin(self, args, state, control, **_):
        if state.global_step == 4 and args.process_index == args.world_size - 1:
            os.kill(os.getpid(), signal.SIGTERM)


def main(folder: Path) -> None:
    """Train until the signal; every process writes the step after which it stopped."""
    trainer = toy_trainer(folder, callbacks=[_AskTheLast(), StopOnSignal()])
    try:
        trainer.train()
    except StoppedError:
        rank = trainer.args.process_index
        (folder / f"rank-{rank}.txt").write_text(str(trainer.state.global_step))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
