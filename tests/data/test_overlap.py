from datasets import Dataset

from trainer.data.overlap import Overlap, find_overlap


def rows(texts, pairs=None):
    table = {"text": texts} if pairs is None else {"text": texts, "text_pair": pairs}
    return Dataset.from_dict(table)


def test_common_rows_and_texts_are_counted_on_both_sides():
    train = rows(["a", "b", "c", "d"], ["x", "y", "z", "a"])
    validation = rows(["X ", "e", "b"], ["a", "f", "g"])
    found = find_overlap(train, validation)
    assert found == Overlap(same=1, evaluation=2, evaluation_rows=3, train=3, train_rows=4)
    assert found.describe("validation") == (
        "2 of 3 validation rows (66.7%) share a text with a training row, and 1 have the same "
        "texts as one; 3 of 4 training rows (75.0%) share a text with a validation row"
    )


def test_rows_without_a_common_text_have_no_overlap():
    assert find_overlap(rows(["a", "b"]), rows(["c"])) is None


def test_words_are_compared_as_their_text():
    found = find_overlap(rows([["So", "it", "goes"]]), rows([["so", "it", "goes"], ["no"]]))
    assert found == Overlap(1, 1, 2, 1, 1)
