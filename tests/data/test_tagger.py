import sys

import pytest

from trainer.data import tagger
from trainer.data.augmentation.methods import Lookup
from trainer.data.tagger import need_tagger
from trainer.errors import InputError

SENTENCE = ["The", "old", "dogs", "quickly", "ate", "."]


@pytest.fixture(autouse=True)
def forgotten():
    tagger.find_tagger.cache_clear()
    yield
    tagger.find_tagger.cache_clear()


def without_perceptron(monkeypatch):
    monkeypatch.setitem(sys.modules, "nltk.tag.perceptron", None)


def test_textblob_brings_its_own_lexicon(monkeypatch):
    pytest.importorskip("textblob")
    without_perceptron(monkeypatch)
    assert need_tagger()(SENTENCE) == ["DT", "JJ", "NNS", "RB", "VBD", "."]
    odd = ["a/b", "x_y", "can't", "``", "''", "...", "50%", "#1", "&slash;", "é", "-LRB-", "|"]
    assert len(need_tagger()(odd)) == len(odd)


def test_the_perceptron_comes_first(monkeypatch):
    perceptron = pytest.importorskip("nltk.tag.perceptron")

    class Tagger:
        def tag(self, words):
            return [(word, word.upper()) for word in words]

    monkeypatch.setattr(perceptron, "PerceptronTagger", Tagger)
    assert need_tagger()(["a", "b"]) == ["A", "B"]


def test_no_tagger_is_said_once_and_refused_where_tags_are_the_point(monkeypatch, capsys):
    without_perceptron(monkeypatch)
    monkeypatch.setitem(sys.modules, "textblob.en", None)
    lookup = Lookup("mood")
    assert lookup.tagger is None
    assert lookup.tagger is None
    said = "mood: no part-of-speech tagger is installed: synonyms go by"
    assert capsys.readouterr().out.count(said) == 1
    with pytest.raises(InputError, match=r"pip install -e '.\[augment\]'"):
        need_tagger()
    assert capsys.readouterr().out == ""
