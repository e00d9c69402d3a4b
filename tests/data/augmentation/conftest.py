import pytest

from tests.data.augmentation.toy_wordnet import ToyWordNet
from trainer.data.augmentation.methods import Lookup
from trainer.data.augmentation.wordnet import Thesaurus


@pytest.fixture
def lookup():
    """What methods look things up in, with a WordNet of a few words and no tagger."""
    found = Lookup("toy", TEXTS)
    found.thesaurus = Thesaurus(ToyWordNet())
    found.tagger = None
    return found


TEXTS = [f"the film w{i} plane began with quick spy and went off very fast" for i in range(5)]
