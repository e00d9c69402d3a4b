import importlib.util
import sys
from pathlib import Path

import pytest

from tests.hub.folders import model_folder
from trainer.cards import CardFacts, TaskFacts, facts_to_json, write_card

SCRIPT = Path(__file__).parents[2] / "scripts" / "push_to_hub.py"

FACTS = CardFacts("model", [TaskFacts("mood", "classification", "single", labels=["a", "b"])])


@pytest.fixture
def main(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    specification = importlib.util.spec_from_file_location("push_to_hub", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.main


@pytest.fixture
def folder(tmp_path):
    return model_folder(tmp_path / "model")


def test_a_dry_run_lists_and_asks_nobody(hub, main, folder, capsys):
    assert main([str(folder), "me/model", "--dry_run"]) == 0
    printed = capsys.readouterr().out
    size = (folder / "model.safetensors").stat().st_size
    assert f"{size:,}  model.safetensors\n" in printed
    assert "not published: checkpoint-3/, optimizer.pt" in printed
    assert hub.seen == [] and hub.repos == {}


def test_a_push_says_where_it_is(hub, me, main, folder, capsys):
    options = ["--private", "--commit_message", "a message"]
    assert main([str(folder), "me/model", *options]) == 0
    newest = hub.history("me/model")[0]
    assert newest.title == "a message" and hub.repo("me/model").private
    assert f"published: {hub.url}/me/model/commit/{newest.oid}\n" in capsys.readouterr().out


def test_branch_and_pull_request(hub, me, main, folder, capsys):
    assert main([str(folder), "me/model"]) == 0
    hub.repo("me/model").branches["dev"] = hub.repo("me/model").branches["main"]
    (folder / "metrics.json").write_text("{}")
    assert main([str(folder), "me/model", "--revision", "dev"]) == 0
    assert hub.files("me/model", "dev")["metrics.json"] == b"{}"
    assert main([str(folder), "me/model", "--create_pr"]) == 0
    assert f"published: {hub.url}/me/model/discussions/1" in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--dry_run"]])
def test_a_folder_that_is_no_model_is_refused(hub, me, main, tmp_path, capsys, options):
    assert main([str(tmp_path), "me/model", *options]) == 2
    assert capsys.readouterr().err.startswith("push_to_hub.py: '")
    assert hub.repos == {}


def test_a_refusal_is_one_line(hub, main, folder, capsys):
    assert main([str(folder), "me/model"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("push_to_hub.py: there is no Hub token") and error.count("\n") == 1


@pytest.mark.parametrize("options", [[], ["--dry_run"]])
def test_a_name_that_can_be_none_is_refused_before_the_listing(hub, main, folder, capsys, options):
    assert main([str(folder), "a/b/c", *options]) == 2
    printed = capsys.readouterr()
    assert "'a/b/c' is not a valid repository name" in printed.err and printed.out == ""


def test_a_missing_token_is_reported_before_the_listing(hub, main, folder, capsys):
    assert main([str(folder), "me/model"]) == 2
    assert capsys.readouterr().out == "" and hub.seen == []


def test_a_card_without_the_repository_s_name_is_reported(hub, me, main, folder, capsys):
    facts_to_json(FACTS, folder / "card_facts.json")
    for options in (["--dry_run"], []):
        assert main([str(folder), "me/model", *options]) == 0
        assert "note: README.md is published unchanged, and its examp" in capsys.readouterr().out
    write_card(FACTS, folder / "README.md")
    assert main([str(folder), "me/model", "--dry_run"]) == 0
    assert "note:" not in capsys.readouterr().out


def test_a_missing_card_is_made_of_the_facts_or_refused(hub, me, main, folder, capsys):
    (folder / "README.md").unlink()
    (folder / "metrics.json").unlink()
    assert main([str(folder), "me/model"]) == 2
    assert "has no model card (README.md) and no card_facts.json" in capsys.readouterr().err
    facts_to_json(FACTS, folder / "card_facts.json")
    assert main([str(folder), "me/model"]) == 0
    printed = capsys.readouterr().out
    assert "note: there is no README.md: it is rendered from" in printed
    assert "note: there is no metrics.json" in printed
    assert b'repo = "me/model"' in hub.files("me/model")["README.md"]
