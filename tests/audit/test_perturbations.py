import numpy as np
import pytest

from trainer.audit.perturbations import (
    ChangeNames,
    change_numbers,
    exchange_sides,
    negate,
    pair_with_itself,
    swap_letters,
)
from trainer.data.term_swaps import TermSwapper
from trainer.data.terms import read_terms


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_a_typing_error_exchanges_two_inner_letters(random):
    text = "a wonderful film"
    changed = swap_letters({"text": text}, random)["text"]
    assert changed != text and sorted(changed) == sorted(text)
    assert sum(a != b for a, b in zip(text, changed, strict=True)) == 2
    assert {word[0] + word[-1] for word in changed.split()} == {"aa", "wl", "fm"}
    assert swap_letters({"text": "no way 1234"}, random) is None


def test_equal_numbers_change_alike_and_decimals_stay(random):
    row = {"text": "12 of 300 cost 4.50 on day2", "text_pair": "300 or 12"}
    changed = change_numbers(row, random)
    a, b = changed["text"].split()[0], changed["text"].split()[2]
    assert changed["text"] == f"{a} of {b} cost 4.50 on day2"
    assert changed["text_pair"] == f"{b} or {a}"
    assert (len(a), len(b)) == (2, 3) and {a, b}.isdisjoint({"12", "300"})
    assert change_numbers({"text": "no number, 1,5"}, random) is None


def test_names_change_alike_on_both_sides(random):
    change = ChangeNames(TermSwapper(read_terms().axes["first_name"]))
    changed = change({"text": "Emma sings.", "text_pair": "We hear Emma."}, random)
    name = changed["text"].split()[0]
    assert name != "Emma" and changed["text_pair"] == f"We hear {name}."
    assert change({"text": "It rains."}, random) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is good and was bad.", "It is not good and was bad."),
        ("It is not good.", "It is good."),
        ("It isn't good.", None),
        ("We saw it.", None),
    ],
)
def test_the_first_verb_is_negated(text, expected):
    assert negate(text) == expected


def test_equal_texts_are_neither_exchanged_nor_paired(random):
    pair = {"text": "a", "text_pair": "b"}
    assert exchange_sides(pair, random) == {"text": "b", "text_pair": "a"}
    assert pair_with_itself(pair, random) == {"text": "a", "text_pair": "a"}
    equal = {"text": "a", "text_pair": "a"}
    assert exchange_sides(equal, random) is None and pair_with_itself(equal, random) is None
