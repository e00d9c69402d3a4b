"""A company: tickets in tables of several kinds, one configuration, one published model."""

import csv
import gzip
import json

import numpy as np
import pytest
from transformers import pipeline

from scripts.run_mtl import main
from tests.toy_runs import toy_run
from tests.toys import WORDS

pytestmark = pytest.mark.slow

TOPICS = [f"Gerät {letter}" for letter in "ABCDEFGHIJKL"]
CONFIG = """\
model_name_or_path: encoder
output_dir: runs/desk
language: de
license: apache-2.0
push_to_hub: true
hub_model_id: me/desk
hub_strategy: end
hub_private_repo: true
num_train_epochs: 20
per_device_train_batch_size: 8
learning_rate: 5.0e-3
max_length: 32
report_to: none
tasks:
  topic:
    kind: classification
    labels: auto
    train_file: tickets.csv
    validation_split: 0.2
    encoding: windows-1252
    columns: {text: Nachricht, label: Thema}
  urgency:
    kind: ordinal
    labels: ["1", "2", "3", "4", "5"]
    train_file: tickets.csv
    validation_split: 0.2
    encoding: windows-1252
    columns: {text: Nachricht, label: Dringlichkeit}
  duplicate:
    kind: classification
    input: pair
    labels: [new, duplicate]
    dataset_labels: ["false", "true"]
    train_file: pairs.jsonl.gz
    validation_file: pairs_check.jsonl.gz
  entity:
    kind: token_classification
    labels: [O, B-PROD, I-PROD]
    train_file: notes.conll
    validation_file: notes_check.conll
"""


def write_tickets(path, count, random):
    """Write a table of a German office program, in which a part of the labels is missing.

    A ticket's first words give its topic, of which a few are frequent and most rare, and its third
    one the urgency.
    """
    shares = 1 / np.arange(1, 13)
    with path.open("w", newline="", encoding="windows-1252") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(["Nr", "Nachricht", "Thema", "Dringlichkeit"])
        for number in range(count):
            topic = random.choice(12, p=shares / shares.sum())
            urgency = random.integers(5)
            words = f"{WORDS[topic]} {WORDS[topic]} {WORDS[20 + urgency]}"
            text = f"{words} für {WORDS[random.integers(40)]}; danke"
            labels = [TOPICS[topic], urgency + 1]
            missing = random.random(2) < (0.1, 0.2)
            writer.writerow([number, text, *np.where(missing, "", labels)])


def write_pairs(path, count, random):
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for _ in range(count):
            first, other = random.choice(WORDS, 2, replace=False)
            is_duplicate = bool(random.integers(2))
            pair = {"text": f"{first} w1", "text_pair": f"{first if is_duplicate else other} w2"}
            file.write(json.dumps({**pair, "label": is_duplicate}) + "\n")


def write_notes(path, count, random):
    """Write sentences in which each product is w30 and the word after it."""
    with path.open("w") as file:
        for _ in range(count):
            before, name, after = random.choice(WORDS[:30], 3)
            file.write(f"{before} O\nw30 B-PROD\n{name} I-PROD\n{after} O\n\n")


def test_from_tables_of_several_kinds_to_one_published_model(hub, me, tmp_path, monkeypatch):
    assert len(CONFIG.splitlines()) <= 40
    random = np.random.default_rng(0)
    toy_run(tmp_path, 1, 1)
    write_tickets(tmp_path / "tickets.csv", 300, random)
    write_pairs(tmp_path / "pairs.jsonl.gz", 200, random)
    write_pairs(tmp_path / "pairs_check.jsonl.gz", 40, random)
    write_notes(tmp_path / "notes.conll", 100, random)
    write_notes(tmp_path / "notes_check.conll", 20, random)
    (tmp_path / "desk.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    assert main(["desk.yaml", "--use_cpu", "true"]) == 0

    files = hub.files("me/desk")
    metrics = json.loads(files["metrics.json"])
    assert metrics["eval_topic_accuracy"] > 0.6 and metrics["eval_entity_f1"] > 0.8
    assert metrics["eval_urgency_quadratic_kappa"] > 0.5
    assert hub.repo("me/desk").private and "run_config.yaml" not in files
    card = files["README.md"].decode()
    assert TOPICS[11] in card and "tickets.csv" in card

    pipe = pipeline("hybrid-mtl", model="me/desk", trust_remote_code=True, device="cpu")
    answers = pipe("w0 w0 w24 für w7; danke")
    assert answers["topic"]["label"] == TOPICS[0] and answers["urgency"]["label"] in "45"
    found = pipe({"text": "w3 w1", "text_pair": "w3 w2"}, task="duplicate")
    assert found["label"] in ("new", "duplicate")
    tags = pipe("w1 w30 w2 w3", task="entity", aggregation_strategy="simple")
    assert [(tag["word"], tag["entity_group"]) for tag in tags] == [("w30 w2", "PROD")]
