"""Toy models behind the app."""

import pytest

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

from transformers import pipeline  # noqa: E402

from tests.modeling.toy_models import toy_model, toy_tokenizer  # noqa: E402
from trainer.app.asking import Asker  # noqa: E402


@pytest.fixture
def make_asker():
    def make(tasks=None) -> Asker:
        model, tokenizer = toy_model(tasks=tasks), toy_tokenizer()
        pipe = pipeline("hybrid-mtl", model=model, tokenizer=tokenizer, device="cpu")
        return Asker(pipe, "a <toy>", "some-commit")

    return make


@pytest.fixture
def asker(make_asker) -> Asker:
    return make_asker()
