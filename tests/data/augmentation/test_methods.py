"""Every method that changes single words."""

from collections import Counter

import numpy as np
import pytest

from trainer.data.augmentation.deletion import Deletion
from trainer.data.augmentation.insertion import Insertion
from trainer.data.augmentation.replacement import Replacement
from trainer.data.augmentation.swap import Swap
from trainer.data.augmentation.swap_sides import SwapSides
from trainer.data.augmentation.synonyms import Synonyms
from trainer.errors import InputError

METHODS = [Deletion, Insertion, Replacement, Swap, Synonyms]
random = np.random.default_rng(0)
FILLERS = ["film", "plane", "spy", "quick", "the", "well", "goes", "and", "old", "by"]
SENTENCES = [" ".join(random.choice(FILLERS, 20)) for _ in range(200)]
GUARDED = "Anna paid 30 pounds, two more than Tom; it is not a quick film, and I can't spy, ok"


def draws(count, seed=0):
    return [np.random.default_rng([seed, row]) for row in range(count)]


def run(method, texts, lookup, seed=0):
    return method({"text": list(texts)}, draws(len(texts), seed), lookup)["text"]


@pytest.mark.parametrize("method", METHODS)
def test_equal_seeds_give_equal_texts_and_others_give_others(method, lookup):
    once = run(method(share=0.2), SENTENCES, lookup)
    assert once == run(method(share=0.2), SENTENCES, lookup)
    other = run(method(share=0.2), SENTENCES, lookup, seed=1)
    assert sum(a != b for a, b in zip(once, other, strict=True)) > 150


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_share_of_changed_words(method, share, lookup):
    changed = 0
    for before, after in zip(SENTENCES, run(method(share), SENTENCES, lookup), strict=True):
        then, now = before.split(), after.split()
        if method in (Deletion, Insertion):
            changed += abs(len(then) - len(now))
        else:
            assert len(then) == len(now)
            changed += sum(a != b for a, b in zip(then, now, strict=True))
    total = sum(len(text.split()) for text in SENTENCES)
    # Words that are drawn or exchanged can be equal to those that were there.
    assert 0.75 * share <= changed / total <= share


@pytest.mark.parametrize("method", METHODS)
def test_names_numbers_and_negations_stay_in_their_order(method, lookup):
    kept = ["Anna", "30", "two", "Tom;", "is", "not", "a", "I", "can't"]
    seen = set()
    for seed in range(40):
        (after,) = run(method(share=0.1), [GUARDED], lookup, seed)
        words = after.split()
        assert [word for word in words if word in kept] == kept
        place = words.index("not")
        assert words[place - 1 : place + 2] == ["is", "not", "a"]
        if method is not Synonyms:
            assert "is not a quick film," in after
        seen.add(after)
    assert len(seen) > 1


def test_deletion_takes_words_away_and_leaves_one(lookup):
    after = run(Deletion(share=1), ["the old film", "film"], lookup)
    assert len(after[0].split()) == 1 and after[0] in "the old film"
    assert after[1] == "film"
    (shorter,) = run(Deletion(share=0.3), [SENTENCES[0]], lookup)
    assert not Counter(shorter.split()) - Counter(SENTENCES[0].split())


def test_swap_keeps_the_words(lookup):
    for before, after in zip(SENTENCES, run(Swap(), SENTENCES, lookup), strict=True):
        assert Counter(before.split()) == Counter(after.split())


def test_replacement_draws_the_tasks_own_words_by_their_frequency(lookup):
    lookup.texts = ["old old old new", "not bad, 3 Days"]
    found = Counter(" ".join(run(Replacement(share=1), SENTENCES, lookup)).split())
    assert set(found) == {"old", "new"}
    assert 0.7 < found["old"] / found.total() < 0.8


def test_synonyms_fit_their_article_and_form(lookup):
    texts = ["a plane", "an aeroplane", "the plane", "a film", "films", "no such film, then"]
    found = [{run(Synonyms(), [text], lookup, seed)[0] for seed in range(20)} for text in texts]
    assert found == [
        {"a craft", "a rocket"},
        {"an aeroplane"},
        {"the aeroplane", "the craft", "the rocket"},
        {"a movie"},
        {"movies"},
        {"no such movie, then"},
    ]


def test_inserted_words_are_synonyms_of_words_that_are_there(lookup):
    for seed in range(20):
        (after,) = run(Insertion(share=0.1), ["the old film by Tom"], lookup, seed)
        words = after.split()
        words.remove("movie")
        assert " ".join(words) == "the old film by Tom"


def test_the_tagger_is_asked_for_the_whole_sentence(lookup):
    asked = []

    def tagger(words):
        asked.append(words)
        return ["VB" if word == "film" else "NN" for word in words]

    lookup.tagger = tagger
    assert run(Synonyms(share=1), ["(film) spy ."], lookup) == ["(film) agent ."]
    assert asked == [["film", "spy", "."]]


def test_sides_change_places(lookup):
    pair = {"text": ["a", "b"], "text_pair": ["c", "d"]}
    assert SwapSides()(pair, draws(2), lookup) == {"text": ["c", "d"], "text_pair": ["a", "b"]}


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(InputError, match="must be above 0 and at most 1"):
        Deletion(share=share)
