"""Compare ways of training on an eighth of the training rows, each with the same budget and seeds.

    .venv/bin/python benchmarks/methods.py DIR [--seeds 1 2] [--ways pcgrad adapters ...]

DIR holds `sst5`, `qqp` and `stsb` with `train.*` and `validation.*` (`--data_dir` of run_mtl.py).
Runs are kept in `build/methods` and not repeated; all finished ones are printed as a table. Each
way's budget is that of `sum`: 300 cycles with 8 sentiment, 16 paraphrase and 8 similarity rows.
"""

import argparse
import csv
import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "methods"
COLUMNS = ("eval_overall", "eval_sentiment_accuracy", "eval_paraphrase_accuracy")
METRICS = (*COLUMNS, "eval_similarity_pearson")

TASKS = {
    "sentiment": {"learning_rate": 1e-3, "hidden_sizes": [384]},
    "paraphrase": {"learning_rate": 1e-3, "hidden_sizes": [384], "batch_size": 16},
    "similarity": {},
}
BASE = {
    "model_name_or_path": "minilm",
    "num_train_epochs": 1,
    "cycles_per_epoch": 300,
    "per_device_train_batch_size": 8,
    "per_device_eval_batch_size": 64,
    "learning_rate": 1e-4,
    "weight_decay": 0.01,
    "lr_scheduler_type": "linear",
    "warmup_steps": 0.06,
    "eval_strategy": "no",
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
}
PAPER = {
    "cycles_per_epoch": 400,  # of 8 rows each: as many rows as 300 cycles of the others
    "learning_rate": 1e-5,
    "weight_decay": 0.02,
    "lr_scheduler_type": "constant",
    "warmup_steps": 0,
    "backbone_dropout": 0.4,
    "tasks": yaml.safe_load((ROOT / "configs" / "paper.yaml").read_text())["tasks"],
}
# SMART's published radius, 1e-5, has no effect on this encoder.
SMART = {"smart_radius": 1e-2, "smart_step_size": 0.1, "smart_noise": 1e-3}
TOGETHER = {"name": "together", "cycles_per_epoch": 200}
APART = {"name": "apart", "trainable": "adapters", "cycles_per_epoch": 100, "learning_rate": 5e-4}
AUXILIARY = {
    "pos": {"label_generator": "part_of_speech", "auxiliary": True, "learning_rate": 1e-3},
    "source": {"label_generator": "source", "auxiliary": True, "learning_rate": 1e-3},
}
WAYS: dict[str, dict] = {
    "sum": {},
    "pcgrad": {"aggregator": "pcgrad"},
    "mtrec": {"aggregator": "mtrec", "auxiliary_tasks": ["similarity"]},
    "auxiliary": {"aggregator": "mtrec", "tasks": {**TASKS, **AUXILIARY}},
    "smart": {
        **SMART,
        # Only for the task that overfits first: a pass with SMART takes four times as long.
        "tasks": {**TASKS, "sentiment": {**TASKS["sentiment"], "smart_weight": 1.0}},
    },
    "smart_bregman": {**SMART, "smart_weight": 1.0, "bregman_weight": 1.0},
    "rdrop": {"rdrop_weight": 1.0},
    "averaged": {"ema_decay": 0.98},
    "augment": {
        "tasks": {
            "sentiment": {
                **TASKS["sentiment"],
                "augmentation": [
                    {"method": "deletion", "share": 0.1},
                    {"method": "swap", "share": 0.05},
                ],
                "augmented_share": 0.5,
            },
            "paraphrase": {**TASKS["paraphrase"], "augmentation": ["swap_sides"]},
            "similarity": {},
        }
    },
    "annealed": {
        "task_sampling": "annealed",
        "step_every": "batch",
        "num_train_epochs": 3,
        "cycles_per_epoch": 100,
    },
    "phases": {
        "phases": [
            TOGETHER,
            {
                "name": "heads",
                "trainable": "heads",
                "cycles_per_epoch": 100,
                # The similarity head, a cosine, has no parameters.
                "tasks": ["sentiment", "paraphrase"],
            },
        ]
    },
    "adapters": {"phases": [TOGETHER, APART]},
    "combined": {
        "ema_decay": 0.98,
        "tasks": {
            **TASKS,
            "paraphrase": {**TASKS["paraphrase"], "augmentation": ["swap_sides"]},
        },
        "phases": [TOGETHER, APART],
    },
    "lora": {"trainable": "lora", "learning_rate": 5e-4},
    "pretraining": {
        "phases": [
            {
                "name": "words",
                "objective": "masked_language_modeling",
                "max_steps": 100,
                "per_device_train_batch_size": 32,
                "learning_rate": 5e-5,
            },
            {"name": "together", "cycles_per_epoch": 200},
        ]
    },
    "paper": PAPER,
    **{f"single_{task}": {"tasks": {task: entry}} for task, entry in TASKS.items()},
}


def write_data(source: Path, target: Path) -> None:
    """Draw an eighth of each training set and 2,500 of the Quora validation pairs, once."""
    if target.is_dir():
        return
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


def train(name: str, seed: int, data: Path) -> None:
    """Train one way with one seed, unless it is finished, and write its time to `seconds.json`."""
    folder = BUILD / f"{name}-{seed}"
    if (folder / "seconds.json").is_file():
        return
    config = {**BASE, "tasks": TASKS, **WAYS[name]}
    path = BUILD / f"{name}-{seed}.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    options = ["--data_dir", str(data), "--output_dir", str(folder), "--seed", str(seed)]
    command = [sys.executable, str(ROOT / "scripts" / "run_mtl.py"), str(path), *options]
    print(f"{name}, seed {seed} ...", flush=True)
    start = time.time()
    with (BUILD / f"{name}-{seed}.log").open("w") as log:
        subprocess.run(
            [*command, "--overwrite_output_dir", "true"],
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    facts = json.loads((folder / "card_facts.json").read_text())
    seconds = {"training": facts["run"]["seconds"], "all": round(time.time() - start)}
    (folder / "seconds.json").write_text(json.dumps(seconds))


def results(name: str, seed: int) -> dict[str, float] | None:
    """Return the metrics and training seconds of a finished way; three runs for `single-task`."""
    parts = [f"single_{task}" for task in TASKS] if name == "single-task" else [name]
    folders = [BUILD / f"{part}-{seed}" for part in parts]
    if not all((folder / "seconds.json").is_file() for folder in folders):
        return None
    found: dict[str, float] = {"seconds": 0.0}
    for folder in folders:
        found.update(json.loads((folder / "metrics.json").read_text()))
        found["seconds"] += json.loads((folder / "seconds.json").read_text())["training"]
    _, sentiment, paraphrase, similarity = (found.get(metric, 0.0) for metric in METRICS)
    found["eval_overall"] = (sentiment + paraphrase + (1 + similarity) / 2) / 3
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    args = parser.parse_args()
    data = BUILD / "data"
    write_data(args.data, data)
    for seed in args.seeds:
        for name in args.ways:
            train(name, seed, data)
    print("| Way | Overall | Sentiment | Paraphrase | Similarity | Training, seconds |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in ["single-task", *(way for way in WAYS if not way.startswith("single_"))]:
        found = [r for seed in args.seeds if (r := results(name, seed)) is not None]
        if found:
            cells = [
                f"{statistics.mean(r[m] for r in found):.4f} "
                f"({', '.join(f'{r[m]:.4f}' for r in found)})"
                for m in METRICS
            ]
            seconds = statistics.mean(r["seconds"] for r in found)
            print(f"| {name} | {' | '.join(cells)} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
