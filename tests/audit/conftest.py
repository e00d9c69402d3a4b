"""A toy model with its folder, tasks and pipeline."""

import pytest

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.modeling.toy_models import toy_model, toy_tokenizer
from trainer.loading.trained_model import open_trained
from trainer.saving.model_folder import write_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audited") / "model"
    tokenizer = toy_tokenizer()
    tokenizer.model_max_length = 32
    write_model(toy_model(), tokenizer, folder)
    return folder


@pytest.fixture(scope="session")
def pipe(model_folder):
    model, tokenizer = open_trained(str(model_folder))
    return HybridMTLPipeline(model=model, tokenizer=tokenizer)
