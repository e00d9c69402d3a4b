import pytest
from datasets import Dataset
from tokenizers import pre_tokenizers
from transformers import BertTokenizer, DistilBertTokenizer, RobertaTokenizer

from modeling_hybrid_mtl import TaskConfig
from trainer.data import tokens
from trainer.data.tokens import tokenize

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "sat", "dog", "."]
VOCABULARY = {piece: index for index, piece in enumerate(PIECES)}
SINGLE = TaskConfig("classification", labels=["a", "b"])
SIAMESE = TaskConfig("classification", "pair", "siamese", labels=["a", "b"])
CROSS = TaskConfig("classification", "pair", "cross", labels=["a", "b"])
TAGS = TaskConfig("token_classification", labels=["O", "N"])


@pytest.fixture
def tokenizer():
    return BertTokenizer(vocab=VOCABULARY)


@pytest.fixture
def encoded(monkeypatch):
    """The sizes of the batches that were really tokenized."""
    sizes = []
    encode = tokens._encode_texts

    def count(batch, **options):
        sizes.append(len(batch["label"]))
        return encode(batch, **options)

    monkeypatch.setattr(tokens, "_encode_texts", count)
    return sizes


def texts(*rows):
    return Dataset.from_dict({"text": list(rows), "label": [i % 2 for i in range(len(rows))]})


def pairs(*rows):
    first, second = zip(*rows, strict=True)
    labels = [0] * len(rows)
    return Dataset.from_dict({"text": first, "text_pair": second, "label": labels})


def test_ids_are_the_tokenizers(tokenizer):
    found = tokenize("t", texts("the cats sat.", "dog"), SINGLE, tokenizer, 16)
    alone = tokenizer(["the cats sat.", "dog"])
    assert found["input_ids"][:] == alone["input_ids"] == [[2, 5, 6, 7, 8, 10, 3], [2, 9, 3]]
    assert found["token_type_ids"][:] == alone["token_type_ids"]
    assert found["length"][:] == [7, 3]
    assert found["labels"][:] == [0, 1]
    assert set(found.column_names) == {
        "input_ids",
        "token_type_ids",
        "length",
        "labels",
        "truncated",
    }


def test_siamese_texts_are_apart(tokenizer):
    found = tokenize(
        "t", pairs(("the cat", "dog"), ("dog", "the cats sat")), SIAMESE, tokenizer, 16
    )
    assert found["input_ids"][:] == tokenizer(["the cat", "dog"])["input_ids"]
    assert found["pair_input_ids"][:] == tokenizer(["dog", "the cats sat"])["input_ids"]
    assert found["pair_token_type_ids"][:] == [[0] * 3, [0] * 6]
    assert found["length"][:] == [4, 6]  # of the longer side


def test_cross_texts_share_a_sequence(tokenizer):
    found = tokenize("t", pairs(("the cat", "dog")), CROSS, tokenizer, 16)
    alone = tokenizer("the cat", "dog")
    assert found[0]["input_ids"] == alone["input_ids"] == [2, 5, 6, 3, 9, 3]
    assert found[0]["token_type_ids"] == alone["token_type_ids"] == [0, 0, 0, 0, 1, 1]
    assert "pair_input_ids" not in found.column_names
    assert found["length"][:] == [6]


@pytest.mark.parametrize("task", [SINGLE, SIAMESE, CROSS])
def test_no_sequence_is_longer_than_max_length_and_none_is_padded(tokenizer, task):
    long, short = "the cat sat . " * 9, "dog"
    rows = texts(long, short) if task is SINGLE else pairs((long, short), (short, short))
    found = tokenize("t", rows, task, tokenizer, 6)
    assert found["length"][:] == [6, 5 if task is CROSS else 3]
    assert max(map(len, found["input_ids"])) == 6
    assert found[0]["input_ids"][-1] == tokenizer.sep_token_id  # cut in front of it
    assert found["truncated"][:] == [True, False]


def test_a_text_that_just_fits_is_not_truncated(tokenizer):
    found = tokenize("t", texts("the dog sat", "the dog sat ."), SINGLE, tokenizer, 5)
    assert (found["length"][:], found["truncated"][:]) == ([5, 5], [False, True])
    found = tokenize(
        "t", pairs(("the dog sat", "dog"), ("dog", "the dog sat .")), SIAMESE, tokenizer, 5
    )
    assert (found["length"][:], found["truncated"][:]) == ([5, 5], [False, True])
    rows = Dataset.from_dict({"text": [["dog", "sat"], ["dog", "cats"]], "label": [[1, 0], [1, 0]]})
    found = tokenize("t", rows, TAGS, tokenizer, 4)
    assert (found["length"][:], found["truncated"][:]) == ([4, 4], [False, True])


def test_a_tokenizer_without_token_types_gives_none():
    tokenizer = DistilBertTokenizer(vocab=VOCABULARY)
    found = tokenize("t", pairs(("cat", "dog")), SIAMESE, tokenizer, 16)
    assert set(found.column_names) == {
        "input_ids",
        "pair_input_ids",
        "length",
        "labels",
        "truncated",
    }


def test_the_second_time_nothing_is_tokenized(tokenizer, encoded):
    first = tokenize("t", texts("cat", "dog"), SINGLE, tokenizer, 16)
    assert encoded == [2]
    # A call leaves its truncation in the tokenizer, which changes nothing for the next.
    tokenizer("the cat", truncation=True, max_length=3, padding="max_length")
    second = tokenize("renamed", texts("cat", "dog"), SINGLE, tokenizer, 16)
    third = tokenize("t", texts("cat", "dog"), SINGLE, BertTokenizer(vocab=VOCABULARY), 16)
    assert encoded == [2]
    assert first.to_dict() == second.to_dict() == third.to_dict()
    assert first.cache_files == second.cache_files != []


def test_the_cache_is_not_hit_by_anything_that_changes_the_result(tokenizer, encoded):
    rows = pairs(("cat", "dog"), ("the cat", "dog"))
    other_vocabulary = {**VOCABULARY, "cat": 9, "dog": 6}
    left = BertTokenizer(vocab=VOCABULARY, truncation_side="left")
    without_types = BertTokenizer(vocab=VOCABULARY, model_input_names=["input_ids"])
    calls = [
        (rows, SIAMESE, tokenizer, 16),
        (rows, SIAMESE, tokenizer, 15),
        (rows, CROSS, tokenizer, 16),
        (pairs(("cat", "dog"), ("the cat", "dogs")), SIAMESE, tokenizer, 16),
        (rows.remove_columns("label").add_column("label", [0, 1]), SIAMESE, tokenizer, 16),
        (rows, SIAMESE, BertTokenizer(vocab=other_vocabulary), 16),
        (rows, SIAMESE, BertTokenizer(vocab=VOCABULARY, do_lower_case=False), 16),
        (rows, SIAMESE, left, 16),
        (rows, SIAMESE, without_types, 16),
    ]
    for done, call in enumerate(calls, start=1):
        tokenize("t", *call)
        assert len(encoded) == done


def test_selected_and_shuffled_rows_are_those_that_are_tokenized(tokenizer):
    rows = texts("cat", "dog", "the", "sat")
    for order in ([0, 2], [1, 3], [3, 1], [0, 1], [1, 2]):
        found = tokenize("t", rows.select(order), SINGLE, tokenizer, 16)
        assert found["input_ids"][:] == tokenizer([rows[i]["text"] for i in order])["input_ids"]


def test_the_first_piece_of_a_word_carries_its_tag(tokenizer):
    rows = Dataset.from_dict({"text": [["the", "cats", "sat"], ["dog"]], "label": [[0, 1, 0], [1]]})
    found = tokenize("t", rows, TAGS, tokenizer, 16)
    assert found["input_ids"][:] == [[2, 5, 6, 7, 8, 3], [2, 9, 3]]
    assert found["labels"][:] == [[-100, 0, 1, -100, 0, -100], [-100, 1, -100]]
    assert found["length"][:] == [6, 3]


def test_tags_are_truncated_with_their_words(tokenizer):
    rows = Dataset.from_dict({"text": [["cats", "sat", "dog"]], "label": [[1, 0, 1]]})
    found = tokenize("t", rows, TAGS, tokenizer, 4)
    assert found[0]["input_ids"] == [2, 6, 7, 3]
    assert found[0]["labels"] == [-100, 1, -100, -100]


def test_tags_are_aligned_for_a_byte_level_tokenizer():
    alphabet = [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        "<mask>",
        *sorted(pre_tokenizers.ByteLevel.alphabet()),
    ]
    tokenizer = RobertaTokenizer(vocab={t: i for i, t in enumerate(alphabet)}, merges=[])
    rows = Dataset.from_dict({"text": [["ab", "c"]], "label": [[1, 0]]})
    found = tokenize("t", rows, TAGS, tokenizer, 16)
    tags = [tag for tag in found[0]["labels"] if tag != -100]
    assert tags == [1, 0]
    assert len(found[0]["labels"]) == len(found[0]["input_ids"])


def test_pairs_without_labels_match_if_the_task_needs_none(tokenizer):
    rows = Dataset.from_dict({"text": ["cat", "dog"], "text_pair": ["cats", "sat"]})
    task = TaskConfig("ranking", "pair", "siamese")
    near = TaskConfig("similarity", "pair", "siamese", score_range=[0, 5])
    assert "labels" not in tokenize("near", rows, near, tokenizer, 8).column_names
    assert tokenize("search", rows, task, tokenizer, 8)["labels"][:] == [1.0, 1.0]
