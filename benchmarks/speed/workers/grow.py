"""The data path and prediction on a given number of random rows with the lengths of real ones."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import Line, Message, peak_memory, read_job
from benchmarks.speed.workers.predict import open_tokenizer, single_text_pipeline
from benchmarks.speed.workers.trainers import be_quiet
from modeling_hybrid_mtl import HybridMTLModel
from trainer import HybridMTLTrainer
from trainer.config.parser import parse
from trainer.data import tokenize
from trainer.loading.task_splits import load_splits

TASK = "topic"


def write_rows(job: dict[str, Any], folder: Path) -> None:
    """Write rows of random words, each with the length of a real text, with random labels."""
    draw = random.Random(job["seed"])
    words = [word for text in job["texts"] for word in text.split()]
    lengths = [len(text.split()) for text in job["texts"]]
    folder.mkdir(parents=True)
    with (folder / "train.csv").open("w", encoding="utf-8") as lines:
        lines.write("text,label\n")
        for _ in range(job["rows"]):
            chosen = " ".join(draw.choices(words, k=draw.choice(lengths)))
            quoted = chosen.replace('"', "")
            lines.write(f'"{quoted}",{draw.randrange(2)}\n')


class Growth:
    """The parts of a run, each of which needs the result of the one before.

    Args:
        job: `rows`, the weights, and the folder for the rows.
    """

    def __init__(self, job: dict[str, Any]):
        self.job = job
        folder = Path(job["folder"])
        write_rows(job, folder)
        config = folder / "config.yaml"
        config.write_text(
            f"tasks:\n  {TASK}:\n    kind: classification\n    labels: ['no', 'yes']\n"
            f"    dataset: {folder}\n",
            encoding="utf-8",
        )
        options = ["--model_name_or_path", job["weights"], "--output_dir", str(folder / "run")]
        options += ["--use_cpu", "true", "--report_to", "none", "--num_train_epochs", "1"]
        self.settings: Any = parse([str(config), *options, "--per_device_train_batch_size", "32"])
        self.tokenizer = open_tokenizer(job)
        self.entry = self.settings.tasks[TASK].model
        self.model = HybridMTLModel.from_backbone(job["weights"], {TASK: self.entry})
        self.pipe = single_text_pipeline(job, (TASK,))
        self.rows: Any = None
        self.tokens: Any = None
        self.parts: dict[str, Callable[[], int]] = {
            "reading and checking": self.read,
            "tokenizing": self.tokenize,
            "batches for training": self.batches,
            "prediction": self.predict,
        }

    def read(self) -> int:
        entry, data_dir = self.settings.tasks[TASK], self.settings.run.data_dir
        self.rows = load_splits(TASK, entry, ["train"], data_dir, seed=0)["train"].rows
        return len(self.rows)

    def tokenize(self) -> int:
        self.tokens = tokenize(TASK, self.rows, self.entry, self.tokenizer, 128)
        return len(self.tokens)

    def batches(self) -> int:
        """Make an epoch of batches as the trainer does, without the model."""
        trainer = HybridMTLTrainer(
            self.model,
            self.settings.training,
            train_dataset={TASK: self.tokens},
            processing_class=self.tokenizer,
        )
        return sum(len(step[TASK]["labels"]) for step in trainer.get_train_dataloader())

    def predict(self) -> int:
        texts = self.rows["text"][: self.job["prediction_rows"]]
        return len(self.pipe(texts, batch_size=32))


def forget_peak() -> None:
    """Reset the peak of memory, if the system supports it (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_since() -> int:
    """Return the peak memory since `forget_peak`, or since the process began, in bytes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return peak_memory()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return 1024 * int(line.split()[1])


def main() -> None:
    job, line = read_job(), Line()
    be_quiet()
    growth = Growth(job)

    def answer(request: Message) -> Message:
        forget_peak()
        start = time.perf_counter()
        rows = growth.parts[request["part"]]()
        return {
            "rows": rows,
            "seconds": time.perf_counter() - start,
            "peak_memory": peak_since(),
        }

    line.serve(answer)


if __name__ == "__main__":
    main()
