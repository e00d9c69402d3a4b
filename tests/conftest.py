"""What tests of several folders use: a look-alike of the Hub, and runs without drawing."""

import gc
import os
import sys

import pytest
from huggingface_hub import constants

from tests.hub.lookalike import HubLookalike


def pytest_collection_finish():
    """Keep imported modules out of every later garbage collection.

    accelerate collects garbage whenever training begins; going through the hundreds of thousands of
    objects of torch and transformers takes 0.3 s each time.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Begin every test with one thread of torch, whatever the scripts before it have set.

    Several threads that share out a toy's matrices do little but wait for each other, and wait
    spinning: beside other processes, a training takes ten times as long.
    """
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture(scope="module", autouse=True)
def late_imports_are_not_collected():
    """Keep modules out of garbage collections, too, that a test has imported first."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def onnx_export(tmp_path_factory):
    """The ONNX export of a toy BERT with every kind of task, and the model; read-only."""
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    from tests.export.toy_exports import onnx_folder  # imports torch and transformers

    # The folder of all processes of pytest-xdist.
    folder = tmp_path_factory.getbasetemp()
    return onnx_folder(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)


@pytest.fixture(scope="module")
def quick_pictures():
    """Write a dot for each picture of a run."""
    from tests.toy_runs import dots_for_figures  # imports torch and transformers

    with dots_for_figures():
        yield


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """An empty look-alike, and nobody logged in."""
    with HubLookalike() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        # transformers keeps one client for the whole process, with the endpoint it was made for.
        monkeypatch.setattr("transformers.utils.hub._hf_api", None)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield server


@pytest.fixture
def me(hub, monkeypatch):
    """The user `me`, logged in; the value is the token."""
    token = hub.add_user("me", "club")
    monkeypatch.setenv("HF_TOKEN", token)
    return token
