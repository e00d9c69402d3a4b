"""The model predicts all tasks of a text at once, and refuses texts that it cannot encode."""

import json
import logging
import re
import shutil

import pytest
import torch

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

from tests.modeling.toy_models import (
    CROSS,
    SIAMESE,
    SINGLE,
    TASKS,
    counted_calls,
    toy_model,
    toy_tokenizer,
)
from trainer.app.errors import UserError
from trainer.app.examples import example_corpus
from trainer.app.model_session import MAX_CHARACTERS, open_model


def test_every_task_of_one_text_is_predicted_from_one_encoding(session):
    with counted_calls(session._pipe.model) as calls:
        predictions = session.predict("the film was good")
    assert list(predictions) == session.task_names("single") == list(SINGLE)
    assert len(calls) == 1
    for name, prediction in predictions.items():
        assert prediction == session._pipe("the film was good", task=name, top_k=None)
    assert [entry["label"] for entry in predictions["mood"]] != TASKS["mood"]["labels"][:1]
    assert sum(entry["score"] for entry in predictions["mood"]) == pytest.approx(1)


def test_every_task_of_two_texts_is_predicted(session):
    predictions = session.predict("a good film", "a film that is good")
    assert set(predictions) == set(session.task_names("pair")) == {*SIAMESE, *CROSS}
    assert 0 <= predictions["near"]["score"] <= 5


@pytest.mark.parametrize("text", ["", "  \n", None])
def test_an_empty_text_is_refused(session, text):
    with pytest.raises(UserError, match="The text is empty"):
        session.predict(text)
    with pytest.raises(UserError, match="The second text is empty"):
        session.predict("a film", text or "")


def test_the_longest_text_is_predicted_and_a_longer_one_refused(session):
    assert session.max_tokens == toy_tokenizer().model_max_length
    words = session.max_tokens - 2
    session.predict("film " * words)
    with pytest.raises(UserError, match=rf"{words + 3} tokens .* maximum is {words + 2}\."):
        session.predict("film " * (words + 1))
    with pytest.raises(UserError, match="The two texts together: too long"):
        session.predict("film " * words, "film")
    with pytest.raises(UserError, match="too long: .* characters"):
        session.predict("f" * (MAX_CHARACTERS + 1))


def test_two_long_texts_without_a_cross_encoding_are_predicted(make_session):
    session = make_session({name: TASKS[name] for name in SIAMESE})
    long = "film " * (session.max_tokens - 2)
    assert set(session.predict(long, long)) == set(SIAMESE)


def test_a_lone_surrogate_is_refused(session):
    with pytest.raises(UserError, match="a lone surrogate"):
        session.predict("a film \ud83d")


def test_embeddings_are_those_of_each_text_alone_in_the_given_order(session):
    texts = ["a film", "the film was very good , very good", "anna", "film " * 100] * 12
    batches = []
    vectors = session.embed(texts, batches.append)
    assert vectors.shape == (48, 16) and batches == [32, 48]
    tokenizer, model = session._pipe.tokenizer, session._pipe.model
    for text, vector in zip(texts, vectors, strict=True):
        inputs = tokenizer(text, truncation=True, max_length=24, return_tensors="pt")
        torch.testing.assert_close(vector, model(**inputs).embeddings[0], atol=1e-5, rtol=1e-4)


@pytest.fixture
def folder(tmp_path):
    toy_model().save_pretrained(tmp_path / "my-model")
    toy_tokenizer().save_pretrained(tmp_path / "my-model")
    return tmp_path / "my-model"


def test_a_folder_has_its_card_s_title_and_its_weights_as_revision(folder):
    (folder / "README.md").write_text("---\nlanguage: en\n---\n\n# My model\n")
    session = open_model(str(folder))
    assert session.title == "My model"
    assert re.fullmatch("sha256:[0-9a-f]{16}", session.revision)
    assert session.predict("a film") == open_model(str(folder), title="x").predict("a film")
    toy_model(seed=1).save_pretrained(folder)
    assert open_model(str(folder)).revision != session.revision


def test_a_folder_without_a_model_gives_one_message(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="there is no folder '/nowhere/at/all'"):
        open_model("/nowhere/at/all")
    with pytest.raises(UserError, match="only Hub repositories have revisions"):
        open_model(str(folder), revision="main")
    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "config.json").unlink()
    with pytest.raises(UserError, match="does not contain a model: there is no config.json"):
        open_model(str(tmp_path / "bare"))


def test_another_kind_of_model_gives_one_message(folder):
    toy_model().backbone.save_pretrained(folder)
    with pytest.raises(UserError, match="contains a model of type bert"):
        open_model(str(folder))


def test_a_text_that_is_refused_is_not_warned_of(session, monkeypatch):
    warned = []
    logger = logging.getLogger("transformers.tokenization_utils_base")
    monkeypatch.setattr(logger, "warning", lambda message, *args: warned.append(message))
    with pytest.raises(UserError, match="too long for this model"):
        session.predict("film " * 100)
    assert warned == []


def test_examples_are_those_recorded_beside_the_model(tmp_path):
    toy_model().save_pretrained(tmp_path)
    toy_tokenizer().save_pretrained(tmp_path)
    assert open_model(str(tmp_path)).examples == {}
    pair = {"text": "a film", "text_pair": "a play"}
    rows = {"mood": [{"text": "good"}, {"text": "bad"}], "tags": [{"text": "good"}]}
    (tmp_path / "examples.json").write_text(json.dumps({**rows, "near": [pair], "gone": [pair]}))
    session = open_model(str(tmp_path))
    assert session.examples_of("single") == [("good",), ("bad",)]
    assert session.examples_of("pair") == [("a film", "a play")]
    assert example_corpus(session.examples) == [("a film\na play\nbad\ngood",)]
    for damaged in ("[1]", '{"mood": [{"text": 1}]}', "{", '{"mood": 3}'):
        (tmp_path / "examples.json").write_text(damaged)
        assert open_model(str(tmp_path)).examples == {}
