"""Pushed models load elsewhere: real clients over HTTP, without our packages."""

import json
import re
import shutil
from pathlib import Path

import pytest
from transformers import pipeline

from tests.hub.elsewhere import Stranger, make_environment, run_script
from tests.hub.folders import model_folder
from tests.hub.lookalike import HubLookalike
from tests.toy_runs import toy_run

pytestmark = pytest.mark.slow
ROWS = ["w1 w2 w3", {"text": "w4 w5", "text_pair": "w6"}]

OPEN = """
import json, sys
from transformers import AutoConfig, AutoModel, AutoTokenizer, pipeline

names = {options!r}
config = AutoConfig.from_pretrained({repo!r}, trust_remote_code=True, **names)
model = AutoModel.from_pretrained({repo!r}, trust_remote_code=True, **names)
names_of_tokenizer = {{k: v for k, v in names.items() if k != "code_revision"}}
tokenizer = AutoTokenizer.from_pretrained({repo!r}, trust_remote_code=True, **names_of_tokenizer)
pipe = pipeline("hybrid-mtl", model={repo!r}, trust_remote_code=True, **names)
inputs = tokenizer(["w1 w2", "w3"], padding=True, return_tensors="pt")
print(json.dumps({{
    "answers": pipe({rows!r}),
    "vectors": model(**inputs).embeddings.tolist(),
    "tasks": sorted(config.tasks),
    "adapters": sorted(config.adapters),
    "version": getattr(sys.modules[type(model).__module__], "VERSION", None),
    "version_of_pipeline": getattr(sys.modules[type(pipe).__module__], "VERSION", None),
    "merged": {{
        task: model.eval().merged(task)(**inputs, task=task).logits.tolist() for task in {merged!r}
    }},
    "by_task": {{task: model(**inputs, task=task).logits.tolist() for task in {merged!r}}},
}}))
"""

WITHOUT_US = """
import importlib.util, json
names = ["modeling_hybrid_mtl", "trainer", "peft", "datasets", "sklearn", "transformers"]
print(json.dumps([name for name in names if importlib.util.find_spec(name)]))
"""

ENDPOINT = """
import importlib.util, json
from huggingface_hub import snapshot_download

folder = snapshot_download({repo!r}, local_dir="repository")
found = importlib.util.spec_from_file_location("handler", folder + "/handler.py")
handler = importlib.util.module_from_spec(found)
found.loader.exec_module(handler)
endpoint = handler.EndpointHandler(folder)
print(json.dumps([endpoint(request) for request in {requests!r}]))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    return make_environment(tmp_path_factory.mktemp("elsewhere") / "env", "torch", "transformers")


@pytest.fixture
def hub():
    with HubLookalike() as server:
        yield server


@pytest.fixture
def world(hub, python, tmp_path):
    """Return a function that runs our scripts as `me`, with a stranger."""
    stranger = Stranger(python, tmp_path / "stranger", hub.url)
    token = hub.add_user("me")
    (tmp_path / "here").mkdir()

    def script(name, *arguments, token=token):
        return run_script(name, *arguments, folder=tmp_path / "here", endpoint=hub.url, token=token)

    script.stranger, script.token = stranger, token
    return script


def opened(world, merged=(), token=None, **options):
    code = OPEN.format(repo="me/model", options=options, rows=ROWS, merged=list(merged))
    return world.stranger(code, token)


def answers_here(folder):
    pipe = pipeline("hybrid-mtl", model=str(folder), trust_remote_code=True, device="cpu")
    return json.loads(json.dumps(pipe(ROWS)))


def published(world, folder, *options):
    done = world("push_to_hub.py", str(folder), "me/model", *options)
    assert done.returncode == 0, done.stderr
    return re.search(r"/commit/(\w+)", done.stdout)[1]


def test_the_stranger_has_none_of_our_packages(world):
    assert world.stranger(WITHOUT_US) == ["transformers"]


def test_push_pull_push_again_and_pull_what_was(hub, world, tmp_path):
    folder = model_folder(tmp_path / "model", adapters=("mood", "near"))
    before = answers_here(folder)
    first = published(world, folder)

    found = opened(world, merged=["mood"])
    assert found["answers"] == before
    assert found["adapters"] == ["mood", "near"] and found["tasks"] == ["mood", "near", "same"]
    for merged, by_task in zip(found["merged"]["mood"], found["by_task"]["mood"], strict=True):
        assert merged == pytest.approx(by_task, abs=1e-5)

    # Another model, without one of the adapters, and with code that is not the first one's.
    shutil.rmtree(folder)
    model_folder(folder, seed=1, adapters=("mood",))
    after = answers_here(folder)
    for name in ("modeling_hybrid_mtl.py", "pipeline_hybrid_mtl.py"):
        with (folder / name).open("a") as code:
            code.write('\nVERSION = "second"\n')
    published(world, folder)
    assert not any("near" in name for name in hub.files("me/model"))
    assert "adapters/near/adapter_config.json" in hub.files("me/model", first)

    newest = opened(world)
    assert newest["answers"] == after != before
    assert newest["version"] == newest["version_of_pipeline"] == "second"
    old = opened(world, revision=first)
    assert old["answers"] == before and old["vectors"] == found["vectors"]
    assert old["version"] is None and old["version_of_pipeline"] is None
    pinned = opened(world, code_revision=first)
    assert pinned["answers"] == after
    assert pinned["version"] is None and pinned["version_of_pipeline"] is None


def test_a_private_model_opens_with_a_token_only(hub, world, tmp_path):
    folder = model_folder(tmp_path / "model")
    published(world, folder, "--private")
    code = "from transformers import AutoConfig; "
    code += "AutoConfig.from_pretrained('me/model', trust_remote_code=True); print('opened')"
    refused = world.stranger.run(code)
    assert refused.returncode != 0 and "not a valid model identifier" in refused.stderr
    other = world.stranger.run(code, hub.add_user("guest"))
    assert other.returncode != 0 and "opened" not in other.stdout
    assert opened(world, token=world.token)["answers"] == answers_here(folder)


def test_a_refused_push_says_what_to_do_and_changes_nothing(hub, world, tmp_path):
    folder = model_folder(tmp_path / "model")
    done = world("push_to_hub.py", str(folder), "me/model", token=None)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "push_to_hub.py: there is no Hub token: log in" in done.stderr
    done = world("push_to_hub.py", str(folder), "me/model", token="hf_old")
    assert done.returncode == 2 and "token is invalid or expired" in done.stderr
    assert hub.repos == {}


def test_an_interrupted_push_is_gone_on_with(hub, world, tmp_path):
    folder = model_folder(tmp_path / "model")
    hub.fail("PUT", "/lfs/", drop="half")
    hub.fail("POST", "/commit/", status=400)
    done = world("push_to_hub.py", str(folder), "me/model")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "push again: uploaded files are not sent twice" in done.stderr
    assert list(hub.files("me/model")) == [".gitattributes"]
    uploads = hub.count("PUT", "/lfs/")
    assert uploads == 3  # the weights and the figure, one of them twice
    published(world, folder)
    assert hub.count("PUT", "/lfs/") == uploads
    assert opened(world)["answers"] == answers_here(folder)


def test_an_endpoint_answers_from_the_repository_alone(world, tmp_path):
    folder = model_folder(tmp_path / "model")
    published(world, folder)
    requests = [
        {"inputs": ROWS},
        {"inputs": ROWS[0], "parameters": {"task": "mood", "top_k": 2}},
        {"inputs": ROWS[0], "parameters": {"task": "nothing"}},
    ]
    code = ENDPOINT.format(repo="me/model", requests=requests)
    answers, best, refused = world.stranger(code)
    assert answers == answers_here(folder)
    assert len(best) == 2
    assert refused == {"error": "no task 'nothing' in this model; its tasks: mood, same, near"}


def test_a_run_publishes_checkpoints_that_open_and_its_model(hub, world, tmp_path):
    config = toy_run(
        tmp_path,
        16,
        8,
        save_strategy="steps",
        save_steps=2,
        max_steps=4,
        push_to_hub=True,
        hub_model_id="me/model",
        hub_always_push=True,
        trainable="adapters",
    )
    done = world("run_mtl.py", str(config))
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"published: {hub.url}/me/model/commit/" in done.stdout
    newest, *saves, _ = hub.history("me/model")
    assert [commit.title for commit in saves] == [
        "Training in progress, step 4",
        "Training in progress, step 2",
    ]
    final = hub.files("me/model")
    assert {"README.md", "metrics.json", "adapters/sentiment/adapter_config.json"} <= set(final)
    assert any(name.startswith("figures/") for name in final)
    assert b'repo = "me/model"' in final["README.md"]
    for name, content in final.items():
        assert Path(name).suffix in {"", ".json", ".md", ".py", ".png", ".safetensors"}
        assert str(tmp_path).encode() not in content and world.token.encode() not in content
    assert opened(world)["answers"] == answers_here(tmp_path / "out")
    for commit in saves:
        there = opened(world, revision=commit.oid)
        assert there["tasks"] == ["paraphrase", "sentiment", "similarity"]


def test_a_run_that_may_not_push_is_refused_before_training(hub, world, tmp_path):
    config = toy_run(tmp_path, 16, 8, push_to_hub=True, hub_model_id="you/model")
    done = world("run_mtl.py", str(config))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "run_mtl.py: no permission to create 'you/model'" in done.stderr
    assert not (tmp_path / "out").exists() and hub.repos == {}
