"""A cache that cannot be written to is called one, whatever needs it first."""

import pytest
from datasets import Dataset

from modeling_hybrid_mtl import TaskConfig
from tests.modeling.toy_models import toy_tokenizer
from tests.toy_runs import toy_run
from tests.toys import toy_data
from trainer.config.parser import parse
from trainer.data import cache, tokenize
from trainer.data.augmentation.translation_cache import TranslationCache
from trainer.data.readers import read_rows
from trainer.data.sources import load_split
from trainer.data.task_source import TaskSource
from trainer.errors import InputError

MOOD = TaskConfig("classification", labels=["bad", "good"])
NAMED = r"^the cache folder '.*/file/cache' cannot be written to: .*variable HF_DATASETS_CACHE"


@pytest.fixture
def unwritable(cache_folder, monkeypatch, tmp_path):
    """Even for root: a file stands where a folder should be."""
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "file" / "cache")


def test_a_folder_in_the_cache_is_made_and_left_empty(cache_folder):
    assert cache.cache_folder("more") == cache_folder / "hybrid-mtl" / "more"
    assert not [path for path in cache_folder.rglob("*") if path.is_file()]


def test_an_unwritable_cache_is_no_fault_of_the_file(unwritable, tmp_path):
    rows = Dataset.from_dict({"text": ["a"], "label": [0]})
    rows.to_parquet(tmp_path / "a.parquet")
    for use in (
        lambda: read_rows(tmp_path / "a.parquet"),
        lambda: load_split("mood", TaskSource(dataset="a/b"), "train", None),
        lambda: tokenize("mood", rows, MOOD, toy_tokenizer(), 8),
        lambda: TranslationCache(["a", "b"], ""),
    ):
        with pytest.raises(InputError, match=NAMED):
            use()
    # Which need none.
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "a.csv").write_text("text\na\n")
    assert len(read_rows(tmp_path / "a.jsonl")) == len(read_rows(tmp_path / "a.csv")) == 1


def test_an_unwritable_cache_is_reported_before_any_data_is_read(unwritable, tmp_path, monkeypatch):
    settings = parse([str(toy_run(tmp_path, 2, 2))])
    monkeypatch.setattr(
        "trainer.loading.task_splits.load_split", lambda *_: pytest.fail("data was read")
    )
    with pytest.raises(InputError, match=NAMED):
        toy_data(settings)
