"""A user's kind of task is saved with the model, and opens where nothing else is installed."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import BertModel

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from modeling_hybrid_mtl.extension_files_hybrid_mtl import with_relative_imports
from modeling_hybrid_mtl.registry_hybrid_mtl import HEADS, LOSSES
from tests.modeling.toy_models import inputs_for, toy_model, toy_tokenizer

RANKED = '''
"""Ordered classes: one score, and a threshold between each two neighbors."""

from dataclasses import dataclass

import torch
from torch import nn
from modeling_hybrid_mtl.embedding_checks_hybrid_mtl import check_ids
from modeling_hybrid_mtl.standard_hybrid_mtl import TEXT
from modeling_hybrid_mtl.task_config_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import (
    TaskHead,
    build_layers,
)
from modeling_hybrid_mtl.registry_hybrid_mtl import HEADS, LOSSES


@dataclass
class RankedOptions:
    spread: float = 1.0


@LOSSES.register("twice", kinds=("classification",))
def twice(head, logits, labels):
    return 2 * nn.functional.cross_entropy(logits.float(), labels)


@HEADS.register("ranked", options=RankedOptions)
class RankedHead(TaskHead):
    inputs = ("single",)

    def __init__(self, hidden_size, task):
        super().__init__(hidden_size, task)
        self.layers = build_layers([hidden_size, 1], task)
        count = len(task.labels)
        self.thresholds = nn.Parameter(torch.linspace(-1, 1, count - 1) * self.options.spread)

    def forward(self, u, v=None):
        above = (self.layers(u).float() - self.thresholds).sigmoid()
        ends = torch.ones_like(above[:, :1])
        edges = torch.cat([ends, above.sort(dim=-1, descending=True).values, 0 * ends], dim=-1)
        return (edges[:, :-1] - edges[:, 1:]).clamp(min=1e-9).log()
'''
TASK = {"kind": "ranked", "labels": ["low", "middle", "high"], "head_options": {"spread": 2.0}}
# Opens the model, answers with it, saves it again, and opens that.
STRANGER = """
import importlib.abc, json, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("modeling_hybrid_mtl", "trainer", "my_ranked"):
            raise ModuleNotFoundError(f"No module named '{name}'")

sys.meta_path.insert(0, Refuse())
from transformers import AutoModel, pipeline

found = []
for place, target in (("first", "second"), ("second", None)):
    model = AutoModel.from_pretrained(place, trust_remote_code=True)
    pipe = pipeline("hybrid-mtl", model=place, trust_remote_code=True)
    found.append([pipe("the film was good", top_k=None)["level"], model.config.extensions])
    if target:
        pipe.save_pretrained(target)
print(json.dumps(found))
"""


@pytest.fixture
def ranked(tmp_path):
    """The name of a module with a head and a loss, loaded from a file."""
    path = tmp_path / "my_ranked.py"
    path.write_text(RANKED)
    kept = dict(HEADS.entries), dict(LOSSES.entries)
    spec = importlib.util.spec_from_file_location("my_ranked", path)
    sys.modules["my_ranked"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield path
    HEADS.entries, LOSSES.entries = kept
    del sys.modules["my_ranked"]


def save(folder: Path):
    model = toy_model(tasks={"level": TASK}).eval()
    model.save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    return model


@pytest.mark.slow
def test_a_head_of_the_users_opens_where_only_the_folder_is(ranked, tmp_path):
    place = tmp_path / "elsewhere"
    model = save(place / "first")
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    for name in ("HF_MODULES_CACHE", "HF_HUB_CACHE", "PYTHONPATH"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    batch = toy_tokenizer()("the film was good", return_tensors="pt")
    logits = model(**batch, task="level").logits
    scores = model.heads["level"].postprocess(logits)[0].tolist()
    for answers, files in json.loads(done.stdout.splitlines()[-1]):
        found = {answer["label"]: answer["score"] for answer in answers}
        assert found == pytest.approx(dict(zip(TASK["labels"], scores, strict=True)), abs=1e-6)
        assert files == ["my_ranked_hybrid_mtl.py"]


def test_its_options_are_in_the_configuration_with_their_defaults(ranked, tmp_path):
    save(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["tasks"]["level"]["head_options"] == {"spread": 2.0}
    plain = HybridMTLConfig(tasks={"level": {**TASK, "head_options": {}}})
    assert plain.tasks["level"]["head_options"] == {"spread": 1.0}
    again = HybridMTLModel.from_pretrained(tmp_path / "model")
    assert again.heads["level"].options.spread == 2.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spred": 1.0}, "unknown option 'spred': kind 'ranked' has spread. Did you mean 'spread'"),
        ({"spread": "wide"}, "option 'spread' must be of type float"),
        ([1], "must be a mapping"),
    ],
)
def test_wrong_options_of_a_head_are_refused(ranked, options, message):
    with pytest.raises(ValueError, match=f"task 'level': field 'head_options'.*{message}"):
        HybridMTLConfig(tasks={"level": {**TASK, "head_options": options}})


def test_its_own_parameters_begin_as_its_class_says(ranked, tmp_path):
    save(tmp_path / "model")
    encoder = BertModel(toy_model(tasks={"level": TASK}).config.backbone_config)
    encoder.save_pretrained(tmp_path / "encoder")
    new = HybridMTLModel.from_backbone(str(tmp_path / "encoder"), {"level": TASK})
    assert new.heads["level"].thresholds.tolist() == [-2.0, 2.0]
    with torch.no_grad():
        new.heads["level"].thresholds.fill_(7)
    new.save_pretrained(tmp_path / "again")
    again = HybridMTLModel.from_pretrained(tmp_path / "again")
    assert again.heads["level"].thresholds.tolist() == [7.0, 7.0]


def test_a_kind_of_this_project_has_no_options():
    task = {"kind": "classification", "labels": ["a", "b"], "head_options": {"spread": 1}}
    with pytest.raises(ValueError, match="kind 'classification' has no options"):
        HybridMTLConfig(tasks={"mood": task})


def test_without_the_extension_the_message_names_its_file(ranked, tmp_path):
    save(tmp_path / "model")
    del HEADS.entries["ranked"]
    with pytest.raises(ValueError, match="'ranked': must be one of.*my_ranked_hybrid_mtl.py in"):
        HybridMTLConfig.from_pretrained(tmp_path / "model")


def test_a_loss_of_the_users_is_one_of_its_kinds_and_travels(ranked, tmp_path):
    mood = {"kind": "classification", "labels": ["a", "b", "c"], "loss": "twice"}
    model = toy_model(tasks={"mood": mood}).eval()
    labels = torch.tensor([0, 1])
    batch = {k: v[:2] for k, v in inputs_for("mood").items() if k != "labels"}
    output = model(**batch, task="mood", labels=labels)
    expected = 2 * torch.nn.functional.cross_entropy(output.logits, labels)
    torch.testing.assert_close(output.loss, expected)
    model.save_pretrained(tmp_path / "model")
    assert (tmp_path / "model" / "my_ranked_hybrid_mtl.py").is_file()
    with pytest.raises(ValueError, match="must be one of squared_error, corr"):
        HybridMTLConfig(tasks={"x": {"kind": "regression", "score_range": [0, 1], "loss": "twice"}})


def test_a_model_without_it_is_saved_as_ever(ranked, tmp_path):
    toy_model().save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model" / "my_ranked_hybrid_mtl.py").exists()
    assert "extensions" not in json.loads((tmp_path / "model" / "config.json").read_text())


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import numpy", "numpy"),
        ("from trainer.registry import HEADS", "trainer.registry"),
        ("from modeling_hybrid_mtl import TaskConfig", "modeling_hybrid_mtl"),
        ("import modeling_hybrid_mtl.heads_hybrid_mtl", "modeling_hybrid_mtl"),
        ("from modeling_hybrid_mtl.handler import x", "modeling_hybrid_mtl.handler"),
        *[
            (
                f"from modeling_hybrid_mtl.{m}_hybrid_mtl import x",
                f"modeling_hybrid_mtl.{m}_hybrid_mtl",
            )
            for m in ("configuration", "tasks", "encoding", "modeling", "registration", "none")
        ],
        ("from .mine import x", ".mine"),
        ("def f():\n    from scipy import stats", "scipy"),
    ],
)
def test_a_file_that_imports_what_does_not_travel_is_refused(tmp_path, line, name):
    path = tmp_path / "mine.py"
    path.write_text(f"import torch\n{line}\n")
    with pytest.raises(ValueError, match=rf"mine.py, line [23]: imports '{name}';"):
        with_relative_imports(path)


def test_the_saved_text_has_relative_imports(ranked):
    text = with_relative_imports(ranked)
    assert "from .heads_hybrid_mtl import (\n    TaskHead," in text
    assert "modeling_hybrid_mtl." not in text.replace("_hybrid_mtl import", "")


def test_only_newlines_separate_lines(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "\ufeff'\x0c \x1c \x85 \u2028'\n\x0cfrom modeling_hybrid_mtl.texts_hybrid_mtl import a\n"
    )
    assert with_relative_imports(path).endswith("\n\x0cfrom .texts_hybrid_mtl import a\n")


def test_an_import_that_stays_absolute_is_refused(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from \\\n    modeling_hybrid_mtl.heads_hybrid_mtl import TaskHead\n")
    with pytest.raises(ValueError, match="mine.py, line 1: write 'from modeling_hybrid_mtl.heads_"):
        with_relative_imports(path)
