"""A tagger of a few words, for tests that must not need an installed one."""

from trainer.data.tagger import Tagger

TAGS = {"the": "DT", "dog": "NN", "dogs": "NNS", "ran": "VBD", "w1": "NN", "w2": "VB", ".": "."}


def toy_tagger(words):
    return [TAGS.get(word.lower(), "FW") for word in words]


TOY_TAGGER = Tagger("toy 1", toy_tagger)
