"""The page of monitoring lists the scripts' options; its limits and examples are valid."""

import re
from importlib import import_module

import pytest
import yaml

from tests.docs_blocks import ROOT, blocks
from trainer.monitoring.baselines import GROUP_ROWS, TASK_ROWS
from trainer.monitoring.make_reference import MAX_ROWS
from trainer.monitoring.options import EFFECTS
from trainer.monitoring.prometheus import PREFIX
from trainer.monitoring.reference import MAX_VECTORS

PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["monitor", "make_reference", "collect_feedback"])
def test_all_options_are_named(name):
    actions = import_module(f"trainer.cli.{name}").create_parser()._actions
    options = {option for action in actions for option in action.option_strings}
    options = {option for option in options if option.startswith("--")} - {"--help"}
    assert options and all(option in PAGE for option in options)


def test_the_limits_are_those_of_the_code():
    text = " ".join(PAGE.split())
    assert f"at most {MAX_ROWS:,} validation rows" in text and f"{MAX_VECTORS} sentence" in text
    assert f"first answers ({GROUP_ROWS})" in text and f"first {TASK_ROWS} answers" in text
    for row in re.findall(r"^\| (`.+) \| .+ \| .+ \| ([\d.]+) \|$", PAGE, flags=re.MULTILINE):
        for measure in re.findall(r"`(\w+)`", row[0]):
            assert EFFECTS[measure] == float(row[1])


def test_the_examples_are_valid():
    config, rules = map(yaml.safe_load, blocks("monitoring.md", "yaml"))
    assert list(config["tasks"]) == ["sentiment"]
    for rule in rules["groups"][0]["rules"]:
        assert PREFIX in rule["expr"]
