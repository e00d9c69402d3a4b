"""A saved model opens where this project is not installed."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import pipeline

import modeling_hybrid_mtl
from modeling_hybrid_mtl import HybridMTLModel
from tests.modeling.toy_models import (
    TASKS,
    inputs_for,
    toy_model,
    toy_tokenizer,
    varied_model,
    with_adapters,
)

SOURCES = sorted(Path(modeling_hybrid_mtl.__file__).parent.glob("*.py"))
# Saved here, and saved again elsewhere in two ways.
STAGES = ("saved", "saved_elsewhere/by_model", "saved_elsewhere/by_pipeline")
ROWS = ["the film was good", {"text": "a dull film", "text_pair": "Anna is in Paris"}]

# Opens each model, answers, and saves it twice: by the model, the first time before any pipeline
# exists, and by the pipeline. What it saved can be the next model to open.
STRANGER = """
import importlib.abc, json, shutil, sys
from pathlib import Path

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("modeling_hybrid_mtl", "trainer"):
            raise ModuleNotFoundError(f"No module named '{name}'")

sys.meta_path.insert(0, Refuse())

import dill
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoTokenizer, pipeline

inputs, rows, out, *names = sys.argv[1:]
for name in names:
    folder = str(Path(out) / name)
    place = Path(out) / f"{name}_elsewhere"
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    logits = {}
    for task in config.tasks:
        tensors = load_file(Path(inputs) / f"{task}.safetensors")
        logits[task] = model(**tensors, task=task).logits.detach()
    model.save_pretrained(place / "by_model")
    tokenizer.save_pretrained(place / "by_model")
    save_file(logits, place / "logits.safetensors")
    pipe = pipeline("hybrid-mtl", model=folder, trust_remote_code=True)
    answers = pipe(json.loads(rows))
    text, pair = json.loads(rows)
    of_text, of_pair = answers
    # As the Hub's page proposes, and of a model that is there.
    again = pipeline("text-classification", model=folder, trust_remote_code=True)
    assert again(text) == [of_text["mood"]] and again(pair) == of_pair["same"]
    again = pipeline("sentence-similarity", model=folder, trust_remote_code=True)
    assert again(pair) == of_pair["near"]
    again = pipeline(model=folder, trust_remote_code=True)
    assert again.task == "hybrid-mtl" and again([text, pair]) == answers
    again = pipeline("hybrid-mtl", model=model, tokenizer=tokenizer)
    assert again([text, pair]) == answers
    # Classes are pickled by their names, without being looked through.
    for thing in (config, model, pipe):
        found = dill.loads(dill.dumps(thing, recurse=True))
        assert type(found) is type(thing)
    assert model.encode([text, text]).shape == (2, config.sentence_vector_size)
    pipe.save_pretrained(place / "by_pipeline")
    facts = {
        "answers": answers,
        "config": config.to_dict(),
        "modules": [type(x).__module__ for x in (config, model, pipe)],
    }
    (place / "facts.json").write_text(json.dumps(facts))

hostile = Path(shutil.copytree(Path(out) / names[0], Path(out) / "hostile"))
(hostile / "model.safetensors").rename(hostile / "weights.bin")
index = {"metadata": {}, "weight_map": {"any": "weights.bin"}}
(hostile / "model.safetensors.index.json").write_text(json.dumps(index))
try:
    AutoModel.from_pretrained(hostile, trust_remote_code=True)
except ValueError as error:
    (hostile / "refusal.txt").write_text(str(error))
"""


def open_elsewhere(folder: Path, names: list[str]) -> None:
    """Let a process that cannot import this project open models that lie in the folder."""
    elsewhere, inputs = folder / "elsewhere", folder / "inputs"
    elsewhere.mkdir()
    inputs.mkdir()
    for task in TASKS:
        save_file(inputs_for(task), inputs / f"{task}.safetensors")
    (elsewhere / "stranger.py").write_text(STRANGER)
    environment = {
        **os.environ,
        "HF_HOME": str(folder / "hf_home"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
    }
    for name in ("HF_MODULES_CACHE", "HF_HUB_CACHE", "PYTHONPATH"):
        environment.pop(name, None)
    found = subprocess.run(
        [sys.executable, "-I", "stranger.py", inputs, json.dumps(ROWS), folder, *names],
        cwd=elsewhere,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert found.returncode == 0, found.stderr


@pytest.fixture(scope="module")
def journey(tmp_path_factory) -> dict[str, Any]:
    """A varied model saved here, opened and saved again elsewhere, and opened once more."""
    folder = tmp_path_factory.mktemp("journey")
    with_adapters(varied_model(), "mood", "near", "follows").save_pretrained(folder / "saved")
    toy_tokenizer().save_pretrained(folder / "saved")
    open_elsewhere(folder, list(STAGES))
    findings = {}
    for name in STAGES:
        place = folder / f"{name}_elsewhere"
        facts = json.loads((place / "facts.json").read_text())
        findings[name] = {**facts, "logits": load_file(place / "logits.safetensors")}
    folders = [folder / name for name in STAGES]
    refusal = (folder / "hostile" / "refusal.txt").read_text()
    saved = folder / "saved"
    return {"folders": folders, "findings": findings, "saved": saved, "refusal": refusal}


@pytest.mark.slow
def test_elsewhere_the_code_comes_from_the_folder(journey):
    for finding in journey["findings"].values():
        for module in finding["modules"]:
            assert module.startswith("transformers_modules.")


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_logits_are_equal_to_the_bit(journey, stage):
    here = HybridMTLModel.from_pretrained(journey["saved"])
    for task in TASKS:
        logits = here(**inputs_for(task), task=task).logits
        assert torch.equal(journey["findings"][stage]["logits"][task], logits), task


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_the_pipeline_answers_alike(journey, stage):
    here = pipeline("hybrid-mtl", model=str(journey["saved"]), trust_remote_code=True, device="cpu")
    assert journey["findings"][stage]["answers"] == json.loads(json.dumps(here(ROWS)))


@pytest.mark.slow
def test_elsewhere_an_index_cannot_name_a_pickle_either(journey):
    assert "weights must be safetensors files in the same folder" in journey["refusal"]


@pytest.mark.slow
def test_the_tasks_and_the_adapters_survive(journey):
    here = HybridMTLModel.from_pretrained(journey["saved"]).config
    assert here.adapters.keys() == {"mood", "near", "follows"}
    for finding in journey["findings"].values():
        assert finding["config"]["adapters"] == here.adapters
        assert finding["config"]["tasks"] == json.loads(json.dumps(here.tasks))


@pytest.mark.slow
def test_the_folders_hold_safetensors_and_all_of_the_code(journey):
    code = {path.name for path in SOURCES if path.name != "__init__.py"}
    for folder in journey["folders"]:
        files = {path.name for path in folder.iterdir()}
        assert files >= code | {"model.safetensors", "config.json", "tokenizer.json"}
        assert {Path(name).suffix for name in files} <= {".py", ".json", ".safetensors", ".txt"}
        for name in code:
            source = next(path for path in SOURCES if path.name == name)
            assert (folder / name).read_text() == source.read_text()


@pytest.mark.slow
def test_the_configuration_names_the_classes_and_the_pipeline(journey):
    for folder in journey["folders"]:
        config = json.loads((folder / "config.json").read_text())
        assert config["model_type"] == "hybrid_mtl"
        assert config["auto_map"] == {
            "AutoConfig": "configuration_hybrid_mtl.HybridMTLConfig",
            "AutoModel": "modeling_hybrid_mtl.HybridMTLModel",
        }
        names = {"hybrid-mtl", "text-classification", "sentiment-analysis", "ner"}
        assert config["custom_pipelines"].keys() >= names
        for entry in config["custom_pipelines"].values():
            assert entry == {
                "impl": "pipeline_hybrid_mtl.HybridMTLPipeline",
                "pt": ["AutoModel"],
                "type": "text",
            }


def test_a_pipeline_saved_here_opens_here(tmp_path):
    pipe = pipeline("hybrid-mtl", model=toy_model(), tokenizer=toy_tokenizer(), device="cpu")
    pipe.save_pretrained(tmp_path)
    again = pipeline("hybrid-mtl", model=str(tmp_path), trust_remote_code=True, device="cpu")
    for one, other in zip(pipe(ROWS), again(ROWS), strict=True):
        assert one.keys() == other.keys()
    files = {path.name for path in tmp_path.iterdir()}
    assert files >= {path.name for path in SOURCES if path.name != "__init__.py"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_only_torch_transformers_and_neighbors_are_imported(source):
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.ImportFrom):
            # One flat folder: `from . import x` and `from .a.b import x` do not travel.
            assert node.level == 1
            assert (source.parent / f"{node.module}.py").is_file()
            continue
        else:
            continue
        for name in names:
            top = name.split(".")[0]
            assert top in {"torch", "transformers"} or top in sys.stdlib_module_names


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_prose_looks_like_a_relative_import(source):
    # The files that travel are found by a regular expression, which reads docstrings too.
    text = source.read_text()
    imports = {n.lineno for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)}
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*(from|import)\s+\.", line):
            assert number in imports, line
