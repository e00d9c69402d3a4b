"""The cards of runs are correct for each method of training, and their examples run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from huggingface_hub import metadata_load

from tests.toy_runs import toy_run
from trainer.cards import facts_from_json, render_card
from trainer.config.parser import parse
from trainer.runs.evaluate import evaluate
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")

ROOT = Path(__file__).parents[2]
MOOD = {
    "kind": "classification",
    "labels": ["a|b", "<b>c</b>", "d", "e", "f: [g](h)"],
    "dataset": "data/sst5",
    "data_license": "CC BY 4.0",
}


def run(folder, name, *options, **changes):
    """Train toys with other options and return the output folder."""
    config = yaml.safe_load((folder / "toy.yaml").read_text()) | changes
    config["output_dir"] = str(folder / name)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
    train(parse([str(folder / f"{name}.yaml"), *options]))
    return folder / name


def table(card, title):
    """Return the rows of the table below a heading, without its header."""
    text = card.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows][2:]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cards")
    toy_run(
        folder,
        24,
        12,
        num_train_epochs=1,
        seed=5,
        logging_steps=2,
        license="apache-2.0",
        language="en",
    )
    return folder


@pytest.fixture(scope="module")
def in_phases(place):
    """Train with two phases, the second of which trains an adapter."""
    apart = {"name": "apart", "tasks": {"sentiment": {"batch_size": 6}}, "trainable": "adapters"}
    phases = [{"name": "together", "aggregator": "pcgrad"}, apart]
    return run(place, "phases", phases=phases, rdrop_weight=0.1)


def run_examples(card, folder, at):
    """Run every Python example of a card in a process without this project."""
    examples = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    check = "import sys; assert not {'trainer', 'modeling_hybrid_mtl'} & set(sys.modules)\n"
    code = "\n".join(examples).replace('"path/or/id"', json.dumps(str(folder)))
    prints = "print(len(predictions), embeddings.shape[0], round(cosine.item(), 3) <= 1)\n"
    (at / "examples.py").write_text(code + prints + check)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(at / "home")}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, "-I", "examples.py"],
        cwd=at,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2", "2", "True"]
    return len(examples)


@pytest.mark.slow
def test_the_examples_of_a_card_run(in_phases, tmp_path):
    # Three, and one more for the adapters.
    assert run_examples((in_phases / "README.md").read_text(), in_phases, tmp_path) == 4


def test_the_hub_reads_the_card_of_a_run(in_phases):
    data = metadata_load(in_phases / "README.md")
    assert (data["license"], data["language"]) == ("apache-2.0", "en")
    assert data["metrics"] == ["accuracy", "f1", "pearsonr", "spearmanr"]
    assert "model-index" not in data  # its data is not on the Hub


def test_a_card_lists_phases_and_adapters(in_phases):
    card = (in_phases / "README.md").read_text()
    together, apart = table(card, "Phases of training")
    assert together[0] == "1: together" and "aggregator: pcgrad" in together[-1]
    assert apart[2:5] == ["sentiment", "4", "1"]
    assert "trainable: adapters" in apart[-1] and "sentiment.batch_size: 6" in apart[-1]
    parts = {row[0]: row[2] for row in table(card, "Architecture")}
    assert parts["adapter of sentiment"] == "1,024" and "adapter of paraphrase" not in parts
    assert (in_phases / "figures" / "architecture.png").read_bytes().startswith(b"\x89PNG")
    cited = re.findall(r"^@\w+{(\w+),", card, re.MULTILINE)
    assert cited == ["hybrid_mtl", "hybrid_bert", "bert", "sbert", "pcgrad", "rdrop", "lora"]
    assert "figures/gradient_cosines.png" in card and "dotted lines part the phases" in card
    facts = facts_from_json(in_phases / "card_facts.json")
    assert facts.compute.complete and facts.compute.seconds == pytest.approx(
        sum(phase.seconds for phase in facts.phases), abs=0.2
    )
    assert render_card(facts) == card


def test_intervals_hold_the_metrics_and_stay_the_same_with_another_seed(in_phases, place, tmp_path):
    reports = json.loads((in_phases / "evaluation.json").read_text())
    metrics = json.loads((in_phases / "metrics.json").read_text())
    for task in ("sentiment", "paraphrase", "similarity"):
        for metric, (low, high) in reports[task]["intervals"].items():
            assert low <= metrics[f"eval_{task}_{metric}"] <= high
    low, high = reports["overall score"]["interval"]
    assert low < metrics["eval_overall"] < high
    card = (in_phases / "README.md").read_text()
    assert f"{low:.4f} to {high:.4f}" in card
    options = [str(place / "toy.yaml"), "--mode", "evaluate", "--seed", "99"]
    options += ["--model_name_or_path", str(in_phases), "--output_dir", str(tmp_path)]
    evaluate(parse(options))
    again = json.loads((tmp_path / "evaluation.json").read_text())
    assert again["overall score"]["interval"] == pytest.approx([low, high], abs=1e-4)
    assert (in_phases / "README.md").read_text() == card


def test_a_single_task_of_the_users_own(place, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    folder = run(place, "mood", "--eval_on_start", "true", tasks={"mood": MOOD}, data_dir=None)
    card = (folder / "README.md").read_text()
    assert "with 1 task head, trained with hybrid-mtl" in card
    assert "Phases" not in card and "all tasks that" not in card and "pair" not in card
    assert table(card, "Data") == [
        ["mood", "local files", "train 24, validation 12", "none recorded", "CC BY 4.0"]
    ]
    assert "a\\|b, &lt;b&gt;c&lt;/b&gt;" in card and "f: \\[g\\](h)" in card
    assert "Limits" in card and "The checkpoint was chosen" not in card
    rows = table(card, "Results")
    assert [row[1] for row in rows] == ["accuracy", "f1", "overall score"]
    assert all(len(row) == 5 and " to " in row[-1] for row in rows)


def test_auxiliary_tasks_are_no_part_of_the_model(place):
    tasks = {
        "sentiment": {"dataset": str(place / "data" / "sst5")},
        "similarity": None,
        "from": {
            "auxiliary": True,
            "label_generator": "source",
            "source_tasks": ["sentiment", "similarity"],
            "max_rows": 20,
        },
    }
    tasks["origin"] = tasks.pop("from")
    folder = run(place, "auxiliary", tasks=tasks)
    card = (folder / "README.md").read_text()
    parts = [row[0] for row in table(card, "Architecture")]
    assert parts == ["encoder", "head of sentiment", "head of similarity", "all"]
    assert "- **origin**: classification, accuracy" in card
    assert [row[0] for row in table(card, "Data")][-1] == "origin (auxiliary)"
    assert "@inproceedings{mtrec," in card
    reports = json.loads((folder / "evaluation.json").read_text())
    # A single row has no interval; the overall score excludes the task.
    assert reports["origin"]["intervals"] is None
    low, high = reports["overall score"]["interval"]
    assert f"{low:.4f} to {high:.4f}" in card


def test_the_time_of_a_resumed_run_adds_up(place):
    options = {"save_strategy": "steps", "save_steps": 2, "load_best_model_at_end": False}
    folder = run(place, "resumed", **options)
    whole = facts_from_json(folder / "card_facts.json").compute
    assert whole.resumed == 0
    for last in folder.glob("checkpoint-[46]"):
        for path in sorted(last.rglob("*")):
            path.unlink()
        last.rmdir()
    options_of_card = ["--license", "mit", "--tasks.similarity.data_license", "mine"]
    run(place, "resumed", "--resume", "true", *options_of_card, **options)
    again = facts_from_json(folder / "card_facts.json")
    assert again.compute.resumed == 1 and again.compute.complete
    assert again.run["steps"] == 6 and again.run["seconds"] == again.compute.seconds
    assert "it was resumed once" in (folder / "README.md").read_text()
    # Options of the card may change on resumption.
    assert again.license == "mit" and again.tasks[-1].dataset_license == "mine"


def test_a_task_may_be_called_as_a_figure_is(place):
    tasks = {"architecture": {**MOOD, "dataset": str(place / "data" / "sst5")}}
    folder = run(place, "names", tasks=tasks, data_dir=None)
    figures = {path.name for path in (folder / "figures").iterdir()}
    drawn = ("architecture", "architecture-task", "calibration", "learning_curves")
    assert figures == {f"{name}.png" for name in drawn}
    card = (folder / "README.md").read_text()
    assert "](figures/architecture.png)" in card and "](figures/architecture-task.png)" in card
