"""The official files, where a folder with them is named in HYBRID_MTL_DATA."""

import os

import pytest

from trainer.config.tasks import read_tasks
from trainer.data import check_split, load_split

FOLDER = os.environ.get("HYBRID_MTL_DATA")
# Train and validation rows of SST-5 and STS-B; the folder's Quora part is a selection.
ROWS = {"sentiment": (8544, 1101), "similarity": (5749, 1500)}


@pytest.mark.skipif(FOLDER is None, reason="HYBRID_MTL_DATA names no folder")
@pytest.mark.parametrize("name", ["sentiment", "paraphrase", "similarity"])
def test_default_tasks_read_the_official_files(name, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    entry = read_tasks(None)[name]
    found, dropped = [], []
    for split in ("train", "validation"):
        raw = load_split(name, entry.source, split, FOLDER)
        checked = check_split(name, entry.model, entry.source, raw)
        found.append(len(checked.rows))
        dropped.append(sum(checked.dropped.values()))
        assert len(raw.rows) == found[-1] + dropped[-1]
    if name in ROWS:
        assert tuple(found) == ROWS[name]
        assert dropped == [0, 0]
    else:
        assert min(found) > 9000
