import sys

import pytest

from trainer.data import tagger
from trainer.data.augmentation.methods import Lookup
from trainer.data.tagger import require_tagger
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
    assert require_tagger()(SENTENCE) == ["DT", "JJ", "NNS", "RB", "VBD", "."]
    odd = ["a/b", "x_y", "can't", "``", "''", "...", "50%", "#1", "&slash;", "é", "-LRB-", "|"]
    assert len(require_tagger()(odd)) == len(odd)


def test_the_perceptron_comes_first(monkeypatch):
    perceptron = pytest.importorskip("nltk.tag.perceptron")

    class Tagger:
        def tag(self, words):
            return [(word, word.upper()) for word in words]

    monkeypatch.setattr(perceptron, "PerceptronTagger", Tagger)
    assert require_tagger()(["a", "b"]) == ["A", "B"]


def test_a_missing_tagger_is_reported_once_and_an_error_where_tags_are_required(
    monkeypatch, capsys
):
    without_perceptron(monkeypatch)
    monkeypatch.setitem(sys.modules, "textblob.en", None)
    lookup = Lookup("mood")
    assert lookup.tagger is None
    assert lookup.tagger is None
    warning = "mood: no part-of-speech tagger is installed: synonyms are those"
    assert capsys.readouterr().out.count(warning) == 1
    with pytest.raises(InputError, match=r"pip install 'hybrid-mtl\[augment\]'"):
        require_tagger()
    assert capsys.readouterr().out == ""
