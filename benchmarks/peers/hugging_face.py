"""Code shared by the peers based on `transformers.Trainer`."""

from typing import Any

from transformers import TrainerCallback

from benchmarks.peers.protocol import Pace


class Paced(TrainerCallback):
    """Pauses a trainer at the end of a step until more cycles are requested."""

    def __init__(self, pace: Pace):
        self.pace = pace

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        self.pace.begin()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.pace.end_cycle()


def train_paced(trainer: Any, pace: Pace, parts: int = 1) -> None:
    """Train for as long as cycles are requested.

    Args:
        trainer: a `transformers.Trainer`.
        pace: the source of the requests.
        parts: divisor of the loss of `training_step` for its share of the cycle's mean; a trainer
            with gradient accumulation has usually applied it already.
    """
    step = trainer.training_step

    def noting(*args: Any, **kwargs: Any) -> Any:
        loss = step(*args, **kwargs)
        pace.note_loss(loss.detach() / parts)
        return loss

    trainer.training_step = noting
    trainer.add_callback(Paced(pace))
    trainer.train()


def plain_arguments(job: dict[str, Any], folder: str) -> dict[str, Any]:
    """Options for one optimizer step per cycle, and nothing but training."""
    return {
        "output_dir": folder,
        "per_device_train_batch_size": job["batch_size"],
        "gradient_accumulation_steps": len(job["tasks"]),
        "learning_rate": job["learning_rate"],
        "max_steps": job["cycles"],
        "eval_strategy": "no",
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "use_cpu": job["device"] == "cpu",
        "bf16": job["bf16"],
        "disable_tqdm": True,
        "dataloader_pin_memory": job["device"] != "cpu",
        "seed": job["seed"],
    }
