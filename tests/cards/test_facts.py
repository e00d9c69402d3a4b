"""The facts of a card: checked, free of local paths, and unchanged by JSON."""

# ruff: noqa: D103 (a test's name says what it shows)
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cards.toy_cards import (
    FACTS,
    PARTS,
    SENTIMENT,
    SIMILARITY,
    card,
    numbers_of,
)
from trainer.cards import (
    CardFacts,
    ComputeFacts,
    PhaseFacts,
    facts_from_json,
    facts_to_json,
    render_card,
)


@pytest.mark.parametrize(
    "path", ["/srv/zzz/x", "file:///srv/zzz", "~/zzz/x", "C:\\zzz\\x", "\\\\srv\\zzz\\x"]
)
def test_paths_inside_other_texts_never_leave(tmp_path, path):
    task = replace(SENTIMENT, dataset=None, dataset_description=f"files in ({path})")
    leaky = CardFacts(path, [task], None, f"from {path}, mine")
    leaky.shared_hyperparameters = {"output_dir": Path(path), "list": [path], path: 1}
    leaky.run = {"command": f"train --out={path}", "versions": {"here": path}}
    leaky.figures = [(f"see {path}", "a.png")]
    facts_to_json(leaky, tmp_path / "facts.json")
    for text in (render_card(leaky), (tmp_path / "facts.json").read_text()):
        assert "zzz" not in text
        assert "files in ((local path))" in text


def test_facts_survive_json(tmp_path):
    path = tmp_path / "deep" / "facts.json"
    facts_to_json(FACTS, path)
    assert facts_from_json(path) == FACTS
    assert render_card(facts_from_json(path)) == card()


def test_numbers_and_objects_of_other_libraries_are_written_as_plain_values(tmp_path):
    numpy = pytest.importorskip("numpy")
    task = replace(SIMILARITY, metrics={"mse": numpy.float32(0.5)}, rows={"a": numpy.int64(4)})
    odd = replace(FACTS, tasks=[task], run={"when": Path("x"), "limit": float("inf")})
    assert numbers_of(render_card(odd))["similarity mse"] == 0.5
    facts_to_json(odd, tmp_path / "facts.json")
    back = facts_from_json(tmp_path / "facts.json")
    assert back.tasks[0].rows == {"a": 4}
    assert back.run == {"when": "x", "limit": None}


@pytest.mark.parametrize("text", ["{", "[]", '{"tasks": []}', '{"tasks": [{"color": 1}]}'])
def test_a_wrong_facts_file_is_refused(tmp_path, text):
    path = tmp_path / "facts.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="write it with facts_to_json"):
        facts_from_json(path)


def test_wrong_task_facts_are_refused():
    with pytest.raises(ValueError, match="task 'sentiment': kind = 'summary': must be one of"):
        replace(SENTIMENT, kind="summary")
    with pytest.raises(ValueError, match="pair_encoding = 'cross'"):
        replace(SENTIMENT, pair_encoding="cross")
    with pytest.raises(ValueError, match="metric 'accuracy' is a str"):
        replace(SENTIMENT, metrics={"accuracy": "0.5"})


def test_no_tasks_and_tasks_of_one_name_are_refused():
    with pytest.raises(ValueError, match="at least one task"):
        replace(FACTS, tasks=[])
    with pytest.raises(ValueError, match="must differ"):
        card(SENTIMENT, SENTIMENT)


def test_all_new_facts_survive_json_and_old_files_lack_them(tmp_path):
    compute = ComputeFacts(["CPU"], 2.0, True, 0)
    phases = [PhaseFacts("a", "tasks", ["sentiment"], 1, 0.5, 2.0, {"sentiment.batch_size": 4})]
    task = replace(SENTIMENT, intervals={"accuracy": [0.1, 0.2]}, dataset_license="MIT")
    full = replace(
        FACTS,
        tasks=[task],
        compute=compute,
        phases=phases,
        architecture=PARTS,
        citations=["bert"],
        overall_interval=[0.5, 0.7],
        chosen_on_evaluation_data=True,
    )
    facts_to_json(full, tmp_path / "facts.json")
    assert facts_from_json(tmp_path / "facts.json") == full
    old = {"model_name": "old", "tasks": [{"name": "a", "kind": "regression", "input": "single"}]}
    (tmp_path / "old.json").write_text(json.dumps(old))
    text = render_card(facts_from_json(tmp_path / "old.json"))
    for title in ("Architecture", "Compute", "Phases of training", "Hyperparameters", "The run"):
        assert f"## {title}" not in text
