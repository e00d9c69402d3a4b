import time
from collections import Counter

import numpy as np
import pytest
from datasets import Dataset

from trainer.data.checked_split import CheckedSplit
from trainer.data.overlap import row_texts
from trainer.data.splits import divide, fold_of, hold_out
from trainer.errors import InputError


def split_of(texts, labels, groups=None, **columns):
    rows = Dataset.from_dict({"text": texts, **columns, "label": labels})
    return CheckedSplit(rows, {"empty text": 2}, [], groups)


def shared(train, validation):
    first, second = (
        {t for row in row_texts(part.rows) for t in row} for part in (train, validation)
    )
    return first & second


def test_a_share_is_held_out_of_every_class():
    split = split_of([f"t{i}" for i in range(200)], [0] * 150 + [1] * 40 + [2] * 10)
    train, validation = divide(split, hold_out("mood", split, 0.1, [3]))
    assert Counter(validation.rows["label"][:]) == {0: 15, 1: 4, 2: 1}
    assert len(train.rows) == 180
    assert (train.dropped, validation.dropped) == ({"empty text": 2}, {})


def test_the_seed_determines_the_rows():
    split = split_of([f"t{i}" for i in range(50)], [0.5] * 50)
    drawn = [
        divide(split, hold_out("stars", split, 0.2, [seed]))[1].rows["text"][:]
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 10


def test_no_text_stands_on_both_sides_even_through_other_rows():
    random = np.random.default_rng(0)
    texts = [f"q{i}" for i in random.integers(0, 150, 300)]
    others = [f" Q{i}  " for i in random.integers(0, 400, 300)]
    split = split_of(texts, random.integers(0, 2, 300).tolist(), text_pair=others)
    train, validation = divide(split, hold_out("same", split, 0.2, [0]))
    assert not shared(train, validation)
    assert 20 <= len(validation.rows) <= 100


def test_equal_values_of_a_column_stay_together():
    authors = [i // 4 for i in range(80)]
    split = split_of([f"t{i}" for i in range(80)], [i % 2 for i in range(80)], authors)
    train, validation = divide(split, hold_out("mood", split, 0.25, [0]))
    number = {f"t{i}": author for i, author in enumerate(authors)}
    first, second = ({number[t] for t in part.rows["text"][:]} for part in (train, validation))
    assert not first & second
    assert Counter(validation.rows["label"][:]) == {0: 10, 1: 10}


def test_folds_hold_out_every_row_once_and_keep_the_shares_of_the_classes():
    texts = [f"t{i % 90}" for i in range(100)]
    split = split_of(texts, [i % 2 for i in range(60)] + [2] * 40)
    held_out = []
    for fold in (1, 2, 3, 4, 5):
        train, validation = divide(split, fold_of("mood", split, fold, 5, [7]))
        assert not shared(train, validation)
        assert len(train.rows) + len(validation.rows) == 100
        assert 19 <= len(validation.rows) <= 21
        assert 7 <= Counter(validation.rows["label"][:])[2] <= 9
        held_out += validation.rows["text"][:]
    assert sorted(held_out) == sorted(texts)


def test_rows_that_cannot_be_divided_are_refused():
    alike = split_of(["a", "A "], [0, 1])
    with pytest.raises(InputError, match="'mood': validation_split = 0.5: of 2 rows in 1 groups"):
        hold_out("mood", alike, 0.5, [0])
    with pytest.raises(InputError, match="folds = 3: 2 rows in 1 groups of shared texts are too "):
        fold_of("mood", alike, 1, 3, [0])


def test_many_rows_are_divided_in_seconds():
    count = 50_000
    random = np.random.default_rng(0)
    texts = [f"q{i}" for i in random.integers(0, count, count)]
    split = split_of(texts, random.integers(0, 5, count).tolist())
    start = time.process_time()
    train, validation = divide(split, hold_out("mood", split, 0.1, [0]))
    assert time.process_time() - start < 10
    assert len(validation.rows) == pytest.approx(count / 10, rel=0.02)
    assert not shared(train, validation)
