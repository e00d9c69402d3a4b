import re
import sys

import pytest

from modeling_hybrid_mtl import TaskConfig
from tests.data.derived_labels.toy_tagger import TOY_TAGGER
from tests.toys import toy_tokenizer
from trainer.data import tagger, tokenize
from trainer.data.derived_labels.part_of_speech import (
    CLASSES,
    PART_OF_SPEECH,
    class_of,
    split_words,
)
from trainer.data.tagger import Tagger, find_tagger
from trainer.errors import InputError

LABELS = list(CLASSES)


def use(monkeypatch, found):
    monkeypatch.setattr(tagger, "find_tagger", lambda: found)


def made(*texts, labels=LABELS):
    return PART_OF_SPEECH.make({text: ["mood"] for text in texts}, labels, "toy").rows


@pytest.mark.parametrize(
    "text, words",
    [
        ("It's 3.5 times (well-made)!", ["It's", "3.5", "times", "(", "well-made", ")", "!"]),
        ("U.S. army, 1,000 men.Done", ["U.S.", "army", ",", "1,000", "men", ".", "Done"]),
        ("“Not” bad ...", ["“", "Not", "”", "bad", ".", ".", "."]),
    ],
)
def test_a_text_becomes_words_and_marks(text, words):
    assert split_words(text) == words


def test_no_character_but_white_space_is_lost():
    text = "a\tb_c d'e--f 50% #1 é ß 他 \\ | {x}\n"
    assert "".join(split_words(text)) == re.sub(r"\s", "", text)


def test_every_tag_has_one_class():
    tags = [tag for name in CLASSES.values() for tag in name.split()]
    assert len(set(tags)) == len(tags)
    assert [class_of(tag) for tag in ("NNPS", "MD", "PRP$", "IN", "TO", ",", "new tag")] == [
        "NOUN",
        "VERB",
        "PRON",
        "ADP",
        "PRT",
        "PUNCT",
        "X",
    ]


def test_each_word_carries_the_class_of_its_tag(monkeypatch):
    use(monkeypatch, TOY_TAGGER)
    rows = made("The dogs ran.", "Hm")
    assert rows["text"][:] == [["The", "dogs", "ran", "."], ["Hm"]]
    names = [[LABELS[label] for label in row] for row in rows["label"]]
    assert names == [["DET", "NOUN", "VERB", "PUNCT"], ["X"]]


def test_the_classes_may_have_another_order(monkeypatch):
    use(monkeypatch, TOY_TAGGER)
    assert made("the dog", labels=LABELS[::-1])["label"][:] == [[6, 11]]


def test_labels_stand_on_the_first_piece_of_each_word(monkeypatch):
    use(monkeypatch, TOY_TAGGER)
    task = TaskConfig(kind="token_classification", labels=LABELS)
    # The toy tokenizer takes the last word apart at its hyphen.
    found = tokenize("pos", made("w1 w2 w3-w4."), task, toy_tokenizer(), 32)
    noun, verb, other, mark = map(LABELS.index, ("NOUN", "VERB", "X", "PUNCT"))
    assert len(found["input_ids"][0]) == 2 + 6
    assert found["labels"][0] == [-100, noun, verb, other, -100, -100, mark, -100]


def test_texts_are_tagged_once(monkeypatch, cache_folder):
    calls = []

    def counted(words):
        calls.append(words)
        return TOY_TAGGER(words)

    use(monkeypatch, Tagger("toy 1", counted))
    first = made("the dog", "dogs")["label"][:]
    assert len(calls) == 2
    assert made("the dog", "dogs")["label"][:] == first
    assert len(calls) == 2
    use(monkeypatch, Tagger("toy 2", counted))
    made("the dog", "dogs")
    assert len(calls) == 4, "another tagger's tags were taken from the cache"


def test_without_a_tagger_it_is_said_what_to_install(monkeypatch):
    use(monkeypatch, None)
    with pytest.raises(InputError, match=r"no part-of-speech tagger is installed: .*\[augment\]"):
        PART_OF_SPEECH.check()


def test_an_installed_tagger_gives_the_common_classes():
    pytest.importorskip("textblob")
    assert find_tagger() is not None
    names = [LABELS[label] for label in made("The old dogs quickly ate it.")["label"][0]]
    assert names == ["DET", "ADJ", "NOUN", "ADV", "VERB", "PRON", "PUNCT"]


def test_the_tagger_of_a_missing_package_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "nltk.tag.perceptron", None)
    monkeypatch.setitem(sys.modules, "textblob.en", None)
    assert find_tagger.__wrapped__() is None
