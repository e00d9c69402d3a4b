import pytest

from trainer.data.terms import article_ending, fill, read_terms, slots
from trainer.errors import InputError


def test_ten_axes_or_more_have_twelve_texts_and_eight_pairs_each_at_least():
    terms = read_terms()
    assert len(terms.axes) >= 10
    for axis in terms.axes:
        forms = terms.forms_of(axis)
        assert sum(slots(text) <= forms for text in terms.templates) >= 12
        assert sum(slots(*pair) <= forms for pair in terms.pair_templates) >= 8


def test_every_template_fits_an_axis_and_is_filled_without_a_trace():
    terms = read_terms()
    texts = [*terms.templates, *(text for pair in terms.pair_templates for text in pair)]
    for text in texts:
        fitting = [axis for axis in terms.axes if slots(text) <= terms.forms_of(axis)]
        assert slots(text) and fitting
        for forms in (*terms.axes[fitting[0]].values(), terms.neutral):
            filled = fill(text, forms)
            assert filled[0].isupper() and not set("{}()") & set(filled) and "  " not in filled


def test_a_sentence_has_the_article_of_its_term():
    template = "A(n) {person} met a(n) {adjective} friend."
    assert fill(template, {"person": "older person", "adjective": "young"}) == (
        "An older person met a young friend."
    )
    assert fill(template, {"person": "man", "adjective": ""}) == "A man met a friend."
    consonants = ["European", "university", "useful", "one-legged", "man"]
    assert not any(map(article_ending, consonants))
    assert all(map(article_ending, ["unmarried", "unemployed", "Asian", "hour", "Indian"]))


def test_an_own_file_replaces_the_axes_and_keeps_our_templates(tmp_path):
    path = tmp_path / "terms.yaml"
    path.write_text("axes:\n  pet:\n    cat: {person: cat}\n    dog: {person: dog}\n")
    terms = read_terms(str(path))
    assert list(terms.axes) == ["pet"] and terms.templates == read_terms().templates
    with pytest.raises(InputError, match="no axis 'pets'.*Did you mean 'pet'"):
        terms.select(["pets"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "expected a mapping"),
        ("axis: {}", "unknown key 'axis'"),
        ("axes: {a: {b: {person: c}}}", "axes: a: expected two or more terms"),
        ("axes: {a: {b: {person: c}, d: {people: e}}}", "'d' has the forms people, and 'b' has"),
        ("axes: {a: {b: {thing: c}, d: {thing: e}}}", "form 'thing' is not in neutral"),
        ("axes: {a: {b: {person: 1}, d: {person: e}}}", "axes: a: b: person: expected text"),
        ("pair_templates: [[a]]", "pair_templates: expected two texts"),
        ("templates: x", "templates: expected a list of texts"),
        ("axes: {", "could not be read"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path, content, message):
    path = tmp_path / "terms.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as raised:
        read_terms(str(path))
    assert str(path) in str(raised.value)
