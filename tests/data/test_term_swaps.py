from trainer.data.term_swaps import TermSwapper
from trainer.data.terms import read_terms

AXES = read_terms().axes


def test_all_forms_of_a_term_become_those_of_another():
    swap = TermSwapper(AXES["gender"]).swap
    assert swap("Women met a woman and her mother.", 1) == "Men met a man and her father."
    assert swap("A man.", 2) == "A woman."
    assert swap("a man and a woman", 1) == "a non-binary person and a man"


def test_the_article_follows_and_parts_of_words_stay():
    swap = TermSwapper(AXES["age"]).swap
    assert swap("A young person and an older person", 2) == "An older person and a young person"
    assert TermSwapper(AXES["gender"]).swap("a mandate, a man-made salesman", 1) == (
        "a mandate, a man-made salesman"
    )


def test_an_adjective_alone_and_a_small_letter_of_a_name_stay():
    ethnicity, name = TermSwapper(AXES["ethnicity"]), TermSwapper(AXES["first_name"])
    assert ethnicity.swap("black coffee, white wine", 1) == "black coffee, white wine"
    assert name.swap("wei", 1) == "wei" and name.swap("Wei", 1) == "Aisha"
    assert name.swap("dilemma", 1) == "dilemma"


def test_an_axis_of_adjectives_alone_replaces_nothing():
    swapper = TermSwapper({"a": {"adjective": "old"}, "b": {"adjective": "new"}})
    assert swapper.swap("old and new", 1) == "old and new"
