"""A course project: train the paper's three tasks on a course's files, and write three submissions.

The files here are made of the rows that come with hybrid-mtl, in the course's shape: tables
between tabs, an id for each row, and test rows without labels. Put the real ones in their place.
"""

import csv
import json
from importlib.resources import files
from pathlib import Path

from trainer.cli.main import main

FOLDER = Path("course_data")
SAMPLE = files("trainer.data") / "sample"


def sample(name: str, part: str) -> list[dict[str, str]]:
    """Return the packaged rows of a task."""
    if name == "sst5":
        text = (SAMPLE / name / f"{part}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]
    with (SAMPLE / name / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(name: str, columns: dict[str, str], rows: list[dict[str, str]], label: str = "") -> None:
    """Write rows as the course does: between tabs, with a row number and an id."""
    header = ["", "id", *columns.values(), *([label] if label else [])]
    lines = ["\t".join(header)]
    for number, row in enumerate(rows):
        cells = [str(number), f"{name}-{number}", *(row[column] for column in columns)]
        lines.append("\t".join([*cells, *([str(float(row["label"]))] if label else [])]))
    (FOLDER / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


FOLDER.mkdir(exist_ok=True)
for data, name, columns, label in (
    ("sst5", "ids-sst", {"text": "sentence"}, "sentiment"),
    ("qqp", "quora", {"question1": "sentence1", "question2": "sentence2"}, "is_duplicate"),
    ("stsb", "sts", {"sentence1": "sentence1", "sentence2": "sentence2"}, "similarity"),
):
    validation = sample(data, "validation")
    write(f"{name}-train", columns, sample(data, "train"), label)
    write(f"{name}-dev", columns, validation[:60], label)
    write(f"{name}-test-student", columns, validation[60:])

status = main(
    "train course --model_name_or_path minilm --learning_rate 1e-4 --num_train_epochs 1 "
    "--cycles_per_epoch 30 --tasks.sentiment.learning_rate 1e-3 --output_dir runs/course "
    f"--data_dir {FOLDER} --overwrite_output_dir true".split()
)
assert status == 0
for path in sorted(Path("runs/course/submissions").iterdir()):
    print(path, "->", *path.read_text().splitlines()[:2], sep="\n  ")
