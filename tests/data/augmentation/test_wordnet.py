import sys

import pytest

from tests.data.augmentation.toy_wordnet import ToyWordNet
from trainer.data.augmentation.wordnet import Thesaurus, inflect, load_wordnet
from trainer.errors import InputError


@pytest.fixture
def thesaurus():
    return Thesaurus(ToyWordNet())


@pytest.mark.parametrize(
    "word, tag, expected",
    [
        ("film", None, ["movie"]),  # of the most frequent sense, single words, in use
        ("film", "NN", ["movie"]),
        ("film", "VB", []),
        ("film", "NNP", []),
        ("film", "IN", []),
        ("films", "NNS", ["movies"]),
        ("spies", None, ["agents"]),
        ("quick", "JJ", ["rapid"]),
        ("fall", "NN", []),  # more often a verb
        ("fall", "VB", ["drop"]),
        ("begins", "VBZ", ["commences", "opens", "starts"]),
        ("started", "VBD", ["commenced", "opened"]),  # "begined" is no word
        ("starting", None, ["commencing", "opening"]),
        ("mice", "NNS", []),
        ("men", "NNS", []),  # of "man", though WordNet has it in the sense of workforce
        ("smoking", "NN", []),
        ("unknown", None, []),
        ("the", None, []),
    ],
)
def test_synonyms_have_the_sense_and_the_form_of_their_word(thesaurus, word, tag, expected):
    assert thesaurus.synonyms(word, tag) == expected


@pytest.mark.parametrize(
    "lemma, ending, form",
    [
        ("film", "s", "films"),
        ("glass", "s", "glasses"),
        ("match", "s", "matches"),
        ("story", "s", "stories"),
        ("play", "s", "plays"),
        ("try", "ed", "tried"),
        ("love", "ed", "loved"),
        ("love", "ing", "loving"),
        ("see", "ing", "seeing"),
        ("die", "ing", "dying"),
        ("try", "ing", "trying"),
    ],
)
def test_regular_forms(lemma, ending, form):
    assert inflect(lemma, ending) == form


def test_missing_nltk_is_reported_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nltk.corpus", None)
    with pytest.raises(InputError, match=r"pip install 'hybrid-mtl\[augment\]'"):
        load_wordnet()


def test_missing_data_is_reported_with_the_commands_that_load_it(monkeypatch):
    nltk = pytest.importorskip("nltk")
    from nltk.corpus.reader.wordnet import WordNetCorpusReader
    from nltk.corpus.util import LazyCorpusLoader

    fresh = LazyCorpusLoader("wordnet", WordNetCorpusReader, None)
    monkeypatch.setattr(nltk.corpus, "wordnet", fresh)
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(InputError) as caught:
        load_wordnet()
    for command in ("nltk.downloader wordnet", "apt install", "hybrid-mtl make-wordnet"):
        assert command in str(caught.value)


@pytest.fixture(scope="module")
def real():
    pytest.importorskip("nltk")
    try:
        return Thesaurus(load_wordnet())
    except InputError:
        pytest.skip("WordNet is not installed for nltk")


@pytest.mark.slow  # reading WordNet takes seconds
@pytest.mark.parametrize(
    "word, tag, expected",
    [
        ("film", "NN", ["movie", "picture"]),
        ("movies", "NNS", ["films", "pictures"]),
        ("buying", "VBG", ["purchasing"]),
        ("quickly", "RB", ["rapidly", "speedily"]),
        ("aeroplane", None, ["airplane", "plane"]),
        ("men", "NNS", []),
        ("children", "NNS", []),
        ("saw", None, []),
    ],
)
def test_synonyms_of_the_real_wordnet(real, word, tag, expected):
    assert real.synonyms(word, tag) == expected
