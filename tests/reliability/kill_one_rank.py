"""One of several processes, of which the last is killed in its sixth step: FOLDER."""

import os
import signal
import sys
from pathlib import Path

from transformers import TrainerCallback

from tests.toys import toy_trainer


class _KillTheLast(TrainerCallback):
    def on_step_begin(self, args, state, control, **_):
        if state.global_step == 5 and args.process_index == args.world_size - 1:
            (Path(args.output_dir) / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    options = {"save_strategy": "steps", "save_steps": 2, "num_train_epochs": 8}
    trainer = toy_trainer(
        Path(sys.argv[1]), ddp_backend="gloo", callbacks=[_KillTheLast()], **options
    )
    trainer.train()
