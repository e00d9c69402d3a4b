"""Draw the rows of docs/methods.md, an eighth of the training rows, for configs/study_methods.yaml.

    .venv/bin/python benchmarks/methods_data.py DIR build/methods/data

DIR holds `sst5`, `qqp` and `stsb` with `train.*` and `validation.*` (`--data_dir` of run_mtl.py).
"""

import argparse
import csv
import random
from pathlib import Path


def write_data(source: Path, target: Path) -> None:
    """Draw an eighth of each training set, and 2,500 of the Quora validation pairs."""
    for folder in ("sst5", "qqp", "stsb"):
        (target / folder).mkdir(parents=True, exist_ok=True)
        for split in ("train", "validation"):
            (file,) = (source / folder).glob(f"{split}.*")
            head, rows = read(file)
            draw = random.Random(0)
            if split == "train":
                chosen = sorted(draw.sample(range(len(rows)), round(len(rows) / 8)))
                rows = [rows[i] for i in chosen]
            elif folder == "qqp":
                draw.shuffle(rows)
                rows = rows[:2500]
            with (target / folder / file.name).open("w", newline="", encoding="utf-8") as lines:
                if head is None:
                    lines.writelines(rows)
                else:
                    csv.writer(lines).writerows([head, *rows])


def read(file: Path) -> tuple[list | None, list]:
    """Return the header and rows of a csv file, or None and the lines of a jsonl file."""
    with file.open(newline="", encoding="utf-8") as lines:
        if file.suffix == ".jsonl":
            return None, lines.readlines()
        head, *rows = csv.reader(lines)
        return head, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    write_data(args.source, args.target)


if __name__ == "__main__":
    main()
