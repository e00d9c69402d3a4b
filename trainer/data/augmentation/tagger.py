"""Parts of speech, by whichever tagger is installed."""

from collections.abc import Callable, Sequence
from functools import cache

from trainer.errors import InputError


@cache
def find_tagger() -> Callable[[Sequence[str]], list[str]] | None:
    """A function from a sentence's words to their tags in the Penn Treebank's names.

    nltk's averaged perceptron, if its data is installed; else TextBlob's, which brings a lexicon
    of its own; else None.
    """
    try:
        from nltk.tag.perceptron import PerceptronTagger

        perceptron = PerceptronTagger()
    except (ImportError, LookupError):
        pass
    else:
        return lambda words: [tag for _, tag in perceptron.tag(list(words))]
    try:
        from textblob.en import tag as tag_text
    except ImportError:
        print("no part-of-speech tagger is installed: synonyms go by a word's commonest sense")
        return None
    return lambda words: [tag for _, tag in tag_text(" ".join(words), tokenize=False)]


def tag(words: Sequence[str]) -> list[str]:
    """The part of speech of each word of a sentence.

    Args:
        words: without white space inside.

    Raises:
        InputError: if no tagger is installed.
    """
    tagger = find_tagger()
    if tagger is None:
        raise InputError(
            "no part-of-speech tagger is installed: .venv/bin/pip install -e '.[augment]', or "
            ".venv/bin/python -m nltk.downloader averaged_perceptron_tagger_eng"
        )
    return tagger(words)
