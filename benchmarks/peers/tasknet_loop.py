"""`tasknet`: one encoder with a sequence classifier per task, batches drawn at random by task.

It encodes both texts of a pair as one sequence, pads every row to the maximum length when it
tokenizes, and in the model reduces a batch to the length of its longest text.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from datasets import ClassLabel, Dataset, DatasetDict, Value
from transformers import set_seed

from benchmarks.peers.hugging_face import plain_arguments, train_paced
from benchmarks.peers.libraries import choose_library
from benchmarks.peers.protocol import Line, Pace, read_job
from benchmarks.peers.tokens import TokenCounter

# tasknet loads these metrics of other kinds of task at import, by default from the Hub.
METRICS = ("seqeval", "bleu")
SCRIPT = """
import datasets
import evaluate


class Unused(evaluate.Metric):
    def _info(self):
        features = datasets.Features({"predictions": datasets.Value("string")})
        return evaluate.MetricInfo(description="", citation="", features=features)

    def _compute(self, **kwargs):
        raise RuntimeError("no task of this benchmark uses it")
"""


def import_tasknet(folder: Path) -> Any:
    """Import tasknet in a folder with local metrics that replace the Hub's."""
    for name in METRICS:
        (folder / name).mkdir()
        (folder / name / f"{name}.py").write_text(SCRIPT, encoding="utf-8")
    os.chdir(folder)
    import tasknet

    return tasknet


def dataset_of(name: str, task: dict[str, Any]) -> DatasetDict:
    """Return the rows under tasknet's column names; it requires all three splits."""
    rows = task["rows"]
    columns = {"sentence1": [row["text"] for row in rows], "labels": [row["label"] for row in rows]}
    if task["pair"]:
        columns["sentence2"] = [row["text_pair"] for row in rows]
    train = Dataset.from_dict(columns)
    # Unique names: tasknet ties the heads of tasks with the same class names.
    kind: Any = Value("float32")
    if task["kind"] == "classification":
        kind = ClassLabel(names=[f"{name} {i}" for i in range(task["labels"])])
    train = train.cast_column("labels", kind)
    return DatasetDict(train=train, validation=train.select([0]), test=train.select([0]))


def main() -> None:
    job, line = read_job(), Line()
    choose_library(job)
    set_seed(job["seed"])
    with tempfile.TemporaryDirectory() as folder:
        tasknet = import_tasknet(Path(folder))
        tasks = [
            tasknet.Classification(dataset_of(name, task), name=name)
            for name, task in job["tasks"].items()
        ]
        hparams = {
            **plain_arguments(job, folder),
            "model_name": job["weights"],
            "max_length": job["max_length"],
            "batched": True,
        }
        model = tasknet.Model(tasks, hparams)
        trainer = tasknet.Trainer(model, tasks, hparams)
        encoders = [part.auto for part in model.task_models_list]
        counter = TokenCounter(encoders, trainer.tokenizer.pad_token_id)
        train_paced(trainer, Pace(line, counter), parts=len(tasks))


if __name__ == "__main__":
    main()
