"""The top-level card of a trained folder."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

from tests.toys import toy_model, toy_tokenizer
from trainer.cards import Architecture, AuditFacts, CardFacts, TaskFacts, facts_to_json
from trainer.saving.model_folder import write_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_model_card.py"
PARTS = Architecture("bert", 2, 16, "mean", 100, {"mood": 5}, figure="figures/architecture.png")
MOOD = TaskFacts("mood", "classification", "single", labels=["a", "b"], metrics={"accuracy": 0.5})


def script():
    spec = importlib.util.spec_from_file_location("make_model_card", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_figures_are_copied_and_the_facts_rendered_again(tmp_path):
    folder, root = tmp_path / "run", tmp_path / "root"
    write_model(toy_model(), toy_tokenizer(), folder)
    (folder / "figures" / "test").mkdir(parents=True)
    for name in ("mood.png", "architecture.png", "test/mood.png", "audit_mood_terms.png"):
        (folder / "figures" / name).write_bytes(name.encode())
    figures = [("Moods", "figures/mood.png"), ("Moods, test split", "figures/test/mood.png")]
    audit = AuditFacts(figures=[("Words", "figures/audit_mood_terms.png")])
    facts = CardFacts("run", [MOOD], figures=figures, architecture=PARTS, audit=audit)
    facts_to_json(facts, folder / "card_facts.json")
    script().main(folder, "me/moods", root)
    card = (root / "model_card.md").read_text()
    assert "# me/moods" in card
    assert "(docs/figures/architecture.png)" in card and "(docs/figures/mood.png)" in card
    assert "(docs/figures/test/mood.png)" in card
    assert "(docs/figures/audit_mood_terms.png)" in card
    for name in ("mood.png", "architecture.png", "test/mood.png", "audit_mood_terms.png"):
        assert (root / "docs/figures" / name).read_bytes() == name.encode()


def test_a_folder_of_an_older_version_gives_what_it_has(tmp_path):
    write_model(toy_model(), toy_tokenizer(), tmp_path)
    facts_to_json(CardFacts("run", [replace(MOOD)]), tmp_path / "card_facts.json")
    known = json.loads((tmp_path / "card_facts.json").read_text())
    for name in ("architecture", "compute", "phases", "citations", "overall_interval"):
        del known[name]
    (tmp_path / "card_facts.json").write_text(json.dumps(known))
    script().main(tmp_path, "old", tmp_path / "root")
    card = (tmp_path / "root" / "model_card.md").read_text()
    assert "Architecture" not in card and "Compute" not in card and "| mood | accuracy |" in card
