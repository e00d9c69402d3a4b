"""Files for a run of scripts/run_mtl.py on toys: an encoder, data and a configuration."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import BertModel, set_seed

from tests.toys import WORDS, toy_backbone_config, toy_tokenizer


def toy_run(folder: Path, train_rows: int, validation_rows: int, **options: Any) -> Path:
    """Write everything into the folder.

    Args:
        folder: where; the default tasks' data goes to `data`, the encoder to `encoder`.
        train_rows: rows of every training file; one more for paraphrase, which is to be dropped.
        validation_rows: rows of every validation file.
        options: of the run.

    Returns:
        The configuration file, `toy.yaml`.
    """
    set_seed(0)
    BertModel(toy_backbone_config()).save_pretrained(folder / "encoder")
    tokenizer = toy_tokenizer()
    tokenizer.add_special_tokens({"mask_token": "[MASK]"})
    tokenizer.save_pretrained(folder / "encoder")
    for split, count in (("train", train_rows), ("validation", validation_rows)):
        write_data(folder / "data", split, count)
    config = {
        "model_name_or_path": str(folder / "encoder"),
        "data_dir": str(folder / "data"),
        "output_dir": str(folder / "out"),
        "max_length": 32,
        "per_device_train_batch_size": 4,
        "learning_rate": "1e-3",
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        **options,
    }
    (folder / "toy.yaml").write_text(yaml.safe_dump(config))
    return folder / "toy.yaml"


def write_data(folder: Path, split: str, count: int) -> None:
    """The files of one split, in the default tasks' columns."""
    for name in ("sst5", "qqp", "stsb"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    text = [" ".join(WORDS[(i * j) % 40] for j in range(1, 4 + i % 5)) for i in range(1, count + 2)]
    with (folder / "sst5" / f"{split}.jsonl").open("w") as lines:
        for i in range(count):
            lines.write(json.dumps({"text": text[i], "label": i % 5, "label_text": "x"}) + "\n")
    for name, columns, label in (
        ("qqp", ["question1", "question2"], lambda i: i % 2),
        ("stsb", ["sentence1", "sentence2"], lambda i: (i % 11) / 2),
    ):
        with (folder / name / f"{split}.csv").open("w", newline="") as lines:
            writer = csv.writer(lines)
            writer.writerow([*columns, "label", "idx"])
            for i in range(count):
                writer.writerow([text[i], text[i + 1], label(i), i])
    if split == "train":
        with (folder / "qqp" / "train.csv").open("a", newline="") as lines:
            csv.writer(lines).writerow([text[0], "", 0, count])


@contextmanager
def dots_for_pictures() -> Iterator[None]:
    """Write a dot for each picture: to draw those of a toy run takes longer than to train it.

    The figures are made all the same; only the last step is left out, which tests/evaluation and
    the slow tests of whole runs are for.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "matplotlib.figure.Figure.savefig",
            lambda figure, path, **options: Path(path).write_bytes(_dot()),
        )
        yield


@contextmanager
def dots_for_figures() -> Iterator[None]:
    """Write a dot for each picture of tasks and curves, and make no figure, a fourth of a toy run.

    For further runs, beside those of tests/runs whose figures are made.
    """
    with dots_for_pictures(), pytest.MonkeyPatch.context() as patch:
        for function in FIGURES:
            patch.setattr(
                f"trainer.evaluation.{function}",
                _write_dot,
            )
        yield


FIGURES = (
    "output_types.draw_classes",
    "output_types.draw_confusion_matrix",
    "output_types.draw_recall",
    "output_types.draw_scatter",
    "results.draw_calibration",
    "results.draw_gradient_cosines",
    "results.draw_learning_curves",
)


def _write_dot(*data: Any, **options: Any) -> None:
    """Write a picture of one point where a figure would be."""
    (path,) = [each for each in data if isinstance(each, Path)]
    path.write_bytes(_dot())


@cache
def _dot() -> bytes:
    import numpy as np
    from matplotlib.image import imsave

    dot = BytesIO()
    imsave(dot, np.zeros((1, 1, 3)), format="png")
    return dot.getvalue()
