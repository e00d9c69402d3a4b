"""One of several processes that train with a row whose loss is infinite: FOLDER POLICY."""

import hashlib
import json
import sys
from pathlib import Path

from safetensors.torch import save

from tests.toys import toy_trainer
from tests.training.test_nan_guard import spoil

if __name__ == "__main__":
    folder, policy = Path(sys.argv[1]), sys.argv[2]
    trainer = toy_trainer(folder, nan_policy=policy, num_train_epochs=1, ddp_backend="gloo")
    text = spoil(trainer)
    trainer.train()
    found = {
        "skipped": trainer.nan_guard.skipped,
        "steps": trainer.state.global_step,
        "text": text,
        "weights": hashlib.sha256(save(trainer.model.state_dict())).hexdigest(),
    }
    (folder / f"rank-{trainer.args.process_index}.json").write_text(json.dumps(found))
