"""The components of each kind of task render predictions and validate corrections."""

import pytest

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS
from tests.modeling.toy_models import TASKS
from trainer.app.errors import UserError
from trainer.app.task_view import create_view, title_of

RANKED = [{"label": "good", "score": 0.7}, {"label": "bad", "score": 0.3}]
ENTITIES = [
    {"entity": "PERSON", "score": 0.9, "word": "Anna", "start": 0, "end": 4},
    {"entity": "O", "score": 0.8, "word": "is", "start": 5, "end": 7},
]


def view(name: str):
    return create_view(name, TASKS[name], HEADS[TASKS[name]["kind"]].output_type)


def test_every_kind_of_task_has_components():
    for kind, head in HEADS.items():
        entry = {"kind": kind, "labels": ["a", "b"], "score_range": [0, 1]}
        assert create_view("any", entry, head.output_type)


def test_classes_are_bars_and_the_correct_one_is_a_label():
    mood = view("mood")
    assert mood.render("x", RANKED) == {"good": 0.7, "bad": 0.3}
    row = mood.validate("x", RANKED, "so-so")
    assert row == {"text": "x", "label": "so-so", "prediction": "good"}
    with pytest.raises(UserError, match="Choose the correct label"):
        mood.validate("x", RANKED, None)
    with pytest.raises(UserError, match="The correction equals the prediction"):
        mood.validate("x", RANKED, "good")


def test_several_labels_are_bars_with_marks_and_the_correct_ones_are_chosen():
    topics = create_view(
        "topics", {**TASKS["topics"], "thresholds": [0.5, 0.2, 0.5, 0.9]}, "labels"
    )
    scores = {"price": 0.8, "plot": 0.6, "cast": 0.3, "music": 0.1}
    ranked = [{"label": label, "score": score} for label, score in scores.items()]
    assert not topics.result().show_heading  # the most probable label may not be predicted
    assert topics.render("x", ranked) == {
        "price": 0.8,
        "✓ plot": 0.6,
        "✓ cast": 0.3,
        "music": 0.1,
    }
    assert topics.initial_value(ranked) == ["plot", "cast"]
    row = topics.validate("x", ranked, ["price", "plot"])
    assert row == {"text": "x", "label": ["plot", "price"], "prediction": ["plot", "cast"]}
    assert topics.validate("x", ranked, [])["label"] == []
    with pytest.raises(UserError, match="'acting' is not a label; use some of plot, cast"):
        topics.validate("x", ranked, ["acting"])
    with pytest.raises(UserError, match="The correction equals the prediction"):
        topics.validate("x", ranked, ["cast", "plot"])


def test_a_score_is_shown_on_its_own_scale():
    near = view("near")
    shown = near.render("x", {"score": 4.0})
    assert ">4.00<" in shown and "from 0 to 5" in shown and "width:80.0%" in shown
    assert "width:100.0%" in near.render("x", {"score": 7.0})
    assert "width:25.0%" in view("stars").render("x", {"score": 2.0})
    row = near.validate("x", {"score": 4.0}, 5)
    assert row == {"text": "x", "label": 5.0, "prediction": 4.0} and type(row["label"]) is float


@pytest.mark.parametrize("given", [None, 5.1, -1, float("nan"), "4"])
def test_a_score_off_the_scale_is_refused(given):
    with pytest.raises(UserError, match="a number from 0 to 5"):
        view("near").validate("x", {"score": 4.0}, given)


def test_tags_are_shown_in_the_whole_text_and_given_word_by_word():
    tags = view("tags")
    text = "Anna is."
    shown = tags.render(text, ENTITIES)
    assert shown == [("Anna", "PERSON"), (" ", None), ("is", "O"), (".", None)]
    row = tags.validate(text, ENTITIES, [["Anna", "PLACE"], ["is", "O"]])
    assert row == {"text": ["Anna", "is"], "label": ["PLACE", "O"], "prediction": ["PERSON", "O"]}
    for given, message in (
        (tags.initial_value(ENTITIES), "The correction equals the prediction"),
        ([["Anna", "CITY"], ["is", "O"]], "'CITY' is not a tag; use one of O, PERSON, PLACE"),
        ([["Ann", "PLACE"], ["is", "O"]], "keep the words"),
        ([["Anna", "PLACE"]], "keep the words"),
    ):
        with pytest.raises(UserError, match=message):
            tags.validate(text, ENTITIES, given)


def test_a_title_is_readable():
    assert title_of("film_mood") == "Film mood"
