"""Toy models behind the server's application."""

from contextlib import contextmanager

import pytest

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")
pytest.importorskip("prometheus_client", reason="the extra 'serve' is not installed")

from starlette.testclient import TestClient

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.modeling.toy_models import toy_model, toy_tokenizer
from trainer.serving.app import create_app
from trainer.serving.model import ServedModel
from trainer.serving.options import ServingOptions


def toy_pipe(model=None) -> HybridMTLPipeline:
    model = toy_model() if model is None else model
    return HybridMTLPipeline(model=model, tokenizer=toy_tokenizer(), device="cpu")


@pytest.fixture(scope="module")
def served() -> ServedModel:
    return ServedModel(toy_pipe(), "toy", "sha256:ab")


@pytest.fixture
def open_client(served):
    """A function that returns a client of an application with some options."""

    @contextmanager
    def start(model=served, **options):
        app = create_app(model, ServingOptions(**options))
        with TestClient(app, raise_server_exceptions=False) as client:
            yield client

    return start


@pytest.fixture
def client(open_client):
    with open_client() as client:
        yield client
