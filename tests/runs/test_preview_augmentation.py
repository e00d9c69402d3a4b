import importlib.util
import sys
from pathlib import Path

import datasets
import pytest

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "augment.yaml")
SAMPLE = ("--data_dir", "sample")


@pytest.fixture
def main(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(sys, "path", list(sys.path))
    script = ROOT / "scripts" / "preview_augmentation.py"
    specification = importlib.util.spec_from_file_location("preview_augmentation", script)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.main


def test_ten_rows_before_and_after(main, capsys):
    assert main([CONFIG, "sentiment", *SAMPLE]) == 0
    out = capsys.readouterr().out.splitlines()
    before = [line[10:] for line in out if line.startswith("  before: ")]
    after = [line[10:] for line in out if line.startswith("  after:  ")]
    assert len(before) == len(after) == 10
    assert all(len(b.split()) > len(a.split()) for b, a in zip(before, after, strict=True))


def test_both_texts_of_a_pair_are_shown(main, capsys):
    assert main([CONFIG, "paraphrase", *SAMPLE]) == 0
    out = capsys.readouterr().out.splitlines()
    before = [line[10:] for line in out if line.startswith("  before: ")]
    after = [line[10:] for line in out if line.startswith("  after:  ")]
    assert len(before) == 20
    assert before[::2] == after[1::2] and before[1::2] == after[::2]


@pytest.mark.parametrize(
    "task, options, message",
    [
        (
            "sentment",
            (),
            "no task 'sentment' (sentiment, paraphrase, similarity). Did you mean 'sen",
        ),
        ("similarity", (), "task 'similarity' has no augmentation; name methods with --tasks.sim"),
        ("sentiment", ("--seeed", "1"), "unknown option 'seeed'"),
    ],
)
def test_wrong_input_is_one_message(main, capsys, task, options, message):
    assert main([CONFIG, task, *SAMPLE, *options]) == 2
    error = capsys.readouterr().err
    assert error.count("preview_augmentation.py: ") == 1
    assert message in error
