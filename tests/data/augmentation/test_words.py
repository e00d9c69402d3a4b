import pytest

from trainer.data.augmentation.words import (
    count_words,
    join,
    keeps_facts,
    movable,
    replaceable,
    split,
)


def words_at(places, text):
    words = split(text)
    return [words[place].core for place in places(words)]


@pytest.mark.parametrize(
    "text", ['He said: "go (now)!"', "does n't -- , it 's fine ...", "a\\/b well-made ``x''", "?!"]
)
def test_a_text_is_its_words_and_marks(text):
    assert join(split(text)) == text


def test_marks_are_apart_from_words():
    assert [tuple(word) for word in split('("Go on," she -- .')] == [
        ('("', "Go", ""),
        ("", "on", ',"'),
        ("", "she", ""),
        ("", "--", ""),
        ("", "", "."),
    ]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a well-made film", ["a", "well-made", "film"]),
        ("Paris beats our New York flat", ["beats", "our", "flat"]),
        ("two films, 3 plots and 4th 2.5% b2b", ["films", "plots", "and"]),
        ("it's not never don’t can't without doubt", ["doubt"]),
        ("``quote'' -- http://a.b x_y été", ["été"]),
    ],
)
def test_names_numbers_negations_and_signs_are_not_plain(text, expected):
    assert words_at(replaceable, text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a fine film", ["a", "fine", "film"]),
        ("we like films, they like plays", ["we", "like", "they", "like", "plays"]),
        ("this is not very good but short", ["this"]),
        ("this is not very good, only short", ["this", "only", "short"]),
        ("it does n't work , we think", ["it", "we", "think"]),
        ("not, we think", ["we", "think"]),
        ("we go without (any) doubt", ["we"]),
    ],
)
def test_what_a_negation_speaks_of_is_not_loose(text, expected):
    assert words_at(movable, text) == expected


def test_a_share_is_of_words_not_of_marks_and_one_at_least():
    assert count_words(0.5, split("a b c d , . ! --")) == 2
    assert count_words(0.01, split("a b")) == 1


@pytest.mark.parametrize(
    "after, kept",
    [
        ("In 2020 we did not see Paris.", True),
        ("We didn't see Paris in 2020.", True),
        ("We didn't see Paris in 2021.", False),
        ("We saw Paris in 2020.", False),
        ("We didn't see London in 2020.", False),
        ("We didn't see Paris once in 2020.", False),
    ],
)
def test_facts_are_numbers_negations_and_names(after, kept):
    assert keeps_facts("I didn't visit Paris in 2020.", after) == kept


def test_a_capital_in_front_of_a_sentence_and_the_pronoun_are_no_names():
    assert (
        keeps_facts("Films are fun. Plays bore and I sleep.", "Movies please. One yawns.") is False
    )
    assert keeps_facts("Films are fun. Plays bore and I sleep.", "Movies please. People yawn.")
