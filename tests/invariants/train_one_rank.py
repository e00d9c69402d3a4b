"""One rank of toy trainings; rank 0 saves: `train_one_rank.py FOLDER BATCH_SIZE OPTIONS`.

OPTIONS is JSON: a list of the options of each training, whose results go to FOLDER/0, FOLDER/1 ...
"""

import json
import sys
from pathlib import Path

from safetensors.torch import save_file

from tests.toys import TASKS, toy_model, toy_trainer


def train(folder, batch_size, options):
    sizes = options.pop("sizes", {"mood": 26, "same": 34, "near": 24})
    head = options.pop("head", {})
    if "ranking" in options:
        search = {"kind": "ranking", "input": "pair", "dropout": 0.0}
        TASKS["search"] = {**search, "head_options": options.pop("ranking")}
        sizes = {**sizes, "search": 24}
    trainer = toy_trainer(
        folder,
        model=toy_model({name: {**entry, **head} for name, entry in TASKS.items()}),
        sizes=sizes,
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=2,
        ddp_backend="gloo",
        **options,
    )
    trainer.train()
    metrics = trainer.evaluate()
    if trainer.is_world_process_zero():
        folder.mkdir(exist_ok=True)
        model = trainer.accelerator.unwrap_model(trainer.model)
        save_file(model.state_dict(), folder / "weights.safetensors")
        entry = [e for e in trainer.state.log_history if "loss/mood" in e][-1]
        (folder / "metrics.json").write_text(json.dumps({**metrics, **entry}))


if __name__ == "__main__":
    for number, options in enumerate(json.loads(sys.argv[3])):
        train(Path(sys.argv[1]) / str(number), int(sys.argv[2]), options)
