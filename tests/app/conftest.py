"""Toy models for the app."""

import pytest
from transformers import pipeline

from tests.modeling.toy_models import toy_model, toy_tokenizer


@pytest.fixture
def make_session():
    # Imported here, as it needs the extra `app`.
    from trainer.app.model_session import ModelSession

    def make(tasks=None) -> ModelSession:
        model, tokenizer = toy_model(tasks=tasks), toy_tokenizer()
        pipe = pipeline("hybrid-mtl", model=model, tokenizer=tokenizer, device="cpu")
        return ModelSession(pipe, "a <toy>", "some-commit")

    return make


@pytest.fixture
def session(make_session):
    return make_session()
