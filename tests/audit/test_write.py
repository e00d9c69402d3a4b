"""The report, the figures and the section of the card."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.cards.toy_cards import FACTS, cells, section
from trainer.audit.counterfactuals import audit_terms
from trainer.audit.groups import make_groups
from trainer.audit.measures import class_measures
from trainer.audit.options import AuditOptions
from trainer.audit.outputs import Predictions
from trainer.audit.report import audit_report, summary
from trainer.audit.run import Audit, TaskAudit
from trainer.audit.subgroups import compare_groups, correct
from trainer.audit.write import write_audit
from trainer.cards import facts_from_json, facts_to_json, render_card, write_card
from trainer.data.terms import read_terms
from trainer.hub.push_card import published_card

OPTIONS = AuditOptions(data=["/secret/place/rows.csv"], groups=["term", "a|b"])
UNMEASURED = "This was not measured."


def biased(pipe, flipped=0.3):
    random = np.random.default_rng(0)
    true = random.integers(0, 2, 1000)
    term = random.integers(0, 2, 1000)
    predicted = np.where((random.random(1000) < flipped) & (term == 1), 1 - true, true)
    rare = np.where(np.arange(1000) < 10, "few", "many")
    groups = make_groups({"term": term, "a|b": rare})
    measures = class_measures(predicted, true, ["no", "yes"])
    task = TaskAudit("mood", 1000, 3, compare_groups("mood", measures, groups, 30))
    terms = read_terms().select(["age"])
    task.axes = audit_terms("mood", Predictions(pipe, 32), terms, False)
    return Audit([task], correct(task.comparisons), {"tags": "all: tags"})


@pytest.fixture
def found(pipe):
    return biased(pipe)


@pytest.fixture
def folder(tmp_path):
    facts_to_json(FACTS, tmp_path / "card_facts.json")
    write_card(FACTS, tmp_path / "README.md")
    return tmp_path


def test_the_report_names_findings_and_no_path(found, folder):
    lines = write_audit(found, OPTIONS, "model", folder)
    text = (folder / "bias_audit.json").read_text()
    report = json.loads(text)
    assert report["data"] == ["rows.csv"] and "/secret" not in text
    first = report["findings"]["subgroups"][0]
    assert first["measure"] in ("accuracy", "false_positive_rate", "false_negative_rate")
    assert any(line.startswith("mood: term = 1: accuracy") for line in lines)
    task = report["tasks"]["mood"]
    assert (task["rows"], task["rows_without_label"]) == (1000, 3)
    few = next(t for t in task["subgroups"] if t["group"] == {"a|b": "few"})
    assert few["too_few_rows"] and few["n"] == 10
    assert not any("fair" in part for part in (text, *lines))
    assert sorted(path.name for path in (folder / "figures").iterdir()) == [
        "audit_mood_groups.png",
        "audit_mood_terms.png",
    ]


def test_the_card_has_the_section_instead_of_the_sentence(found, folder):
    assert UNMEASURED in (folder / "README.md").read_text()
    write_audit(found, OPTIONS, "model", folder)
    card = (folder / "README.md").read_text()
    assert UNMEASURED not in card and "See Bias, risks and limitations." in card
    rows = cells(section(card, "Bias, risks and limitations").split("### Words")[0])
    assert rows[0][:3] == ["Task", "Group", "Metric"] and rows[2][0] == "mood"
    assert "a|b = few (10)" in card.replace("\\", "")
    facts = facts_from_json(folder / "card_facts.json")
    assert facts.audit.rows == {"mood": 1000} and card == render_card(facts)
    # A push recognizes the card as rendered, and names the repository in it.
    assert "me/model" in published_card(folder, "me/model")


def test_a_second_audit_replaces_the_first(found, folder):
    write_audit(found, OPTIONS, "model", folder)
    (folder / "figures" / "audit_old_terms.png").write_bytes(b"")
    once = (folder / "README.md").read_text()
    write_audit(found, OPTIONS, "model", folder)
    assert (folder / "README.md").read_text() == once
    assert not (folder / "figures" / "audit_old_terms.png").exists()


def test_an_edited_card_is_left_alone_and_the_section_stands_beside_it(found, folder):
    (folder / "README.md").write_text("mine")
    lines = write_audit(found, OPTIONS, "model", folder)
    assert (folder / "README.md").read_text() == "mine"
    text = (folder / "bias_audit.md").read_text()
    assert text.startswith("## Bias, risks and limitations") and "bias_audit.md" in lines[-1]


def test_an_audit_without_findings_says_what_could_have_been_found(pipe, folder):
    write_audit(biased(pipe, flipped=0), OPTIONS, "model", folder)
    card = (folder / "README.md").read_text()
    assert "tested differences has p below 0.05" in card
    assert "The smallest difference that these numbers of rows show" in card


def test_an_audit_without_data_says_that_groups_were_not_measured(found, folder):
    task = replace(found.tasks[0], comparisons=[], rows=0)
    write_audit(Audit([task]), AuditOptions(), "model", folder)
    card = (folder / "README.md").read_text()
    assert "Differences between groups were not measured." in card
    assert "### Differences between groups" not in card


def test_the_terminal_has_the_largest_findings_and_the_count_of_the_others(found):
    report = audit_report(found, OPTIONS, "toy")
    (row, *_) = report["findings"]["subgroups"]
    rows = [{**row, "difference": 0.01 * i, "group": f"group {i}"} for i in range(25)]
    report["findings"] = {"subgroups": rows, "terms": []}
    lines = summary(found, report)
    assert [line.split(": ")[1] for line in lines[:10]] == [f"group {i}" for i in range(24, 14, -1)]
    assert lines[10] == "... and 15 smaller differences between groups: see bias_audit.json"
