"""The page of audits lists the script's options, and its examples are valid."""

import re

import yaml

from tests.docs_blocks import ROOT, blocks
from trainer.cli.audit import create_parser
from trainer.data.augmentation import TaskAugmentation
from trainer.data.terms import read_terms

PAGE = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")


def test_the_table_lists_all_options():
    actions = create_parser()._actions
    options = {name for action in actions for name in action.option_strings if name[:2] == "--"}
    assert set(re.findall(r"^\| `(--\w+)` \|", PAGE, flags=re.MULTILINE)) == options - {"--help"}


def test_the_examples_are_valid(tmp_path):
    terms, config = blocks("audit.md", "yaml")
    (tmp_path / "my_terms.yaml").write_text(terms)
    assert list(read_terms(str(tmp_path / "my_terms.yaml")).axes) == ["dialect"]
    steps = yaml.safe_load(config)["tasks"]["sentiment"]["augmentation"]
    assert TaskAugmentation(steps).methods()


def test_the_axes_are_named():
    for axis in read_terms().axes:
        assert re.sub("first name$", "first names", axis.replace("_", " ")) in PAGE
