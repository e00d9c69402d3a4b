"""Counterfactual augmentation makes a model read less of a term that goes with the label."""

import json

import numpy as np
import pytest
import yaml

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.toy_runs import toy_run
from trainer.audit.counterfactuals import audit_terms
from trainer.audit.outputs import Predictions
from trainer.config.parser import parse
from trainer.data.terms import read_terms
from trainer.loading.trained_model import open_trained
from trainer.runs.train import train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_pictures")]

# The words w1 and w2 are the terms; w10 to w19 go with `good`, and w20 to w29 with `bad`.
TERMS = {
    "axes": {"toy": {"one": {"person": "w1"}, "two": {"person": "w2"}}},
    "templates": [f"w3 w{word} {{person}}" for word in range(10, 30)],
}


def write_rows(folder, split, count, seed):
    random = np.random.default_rng(seed)
    (folder / "mood").mkdir(parents=True, exist_ok=True)
    with (folder / "mood" / f"{split}.jsonl").open("w") as lines:
        for index in range(count):
            good = index % 2
            # The word goes with the label in three rows of four, the term in nine of ten.
            word = random.integers(10, 20) + 10 * ((random.random() < 0.75) != good)
            term = 1 if (random.random() < 0.9) == good else 2
            lines.write(json.dumps({"text": f"W3 w{word} w{term}", "label": int(good)}) + "\n")


def mean_shift(folder, terms):
    model, tokenizer = open_trained(str(folder))
    predictions = Predictions(HybridMTLPipeline(model=model, tokenizer=tokenizer), 32)
    (axis,) = audit_terms("mood", predictions, terms, False)
    return axis.mean_shift


def test_the_audit_of_a_run_with_augmentation_finds_smaller_shifts(tmp_path):
    config = yaml.safe_load(toy_run(tmp_path, 4, 4).read_text())
    (tmp_path / "terms.yaml").write_text(yaml.safe_dump(TERMS))
    for split, count in (("train", 200), ("validation", 40)):
        write_rows(tmp_path / "data", split, count, count)
    shifts = []
    for name, steps in (("before", []), ("after", [{"method": "counterfactual"}])):
        steps = [{**step, "terms": str(tmp_path / "terms.yaml")} for step in steps]
        task = {"kind": "classification", "labels": ["bad", "good"], "augmentation": steps}
        run = {"output_dir": str(tmp_path / name), "tasks": {"mood": task}, "max_steps": 150}
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config | run | {"learning_rate": 3e-3, "seed": 1}))
        train(parse([str(path)]))
        shifts.append(mean_shift(tmp_path / name, read_terms(str(tmp_path / "terms.yaml"))))
    before, after = shifts
    assert before > 0.1 and after < before / 2
