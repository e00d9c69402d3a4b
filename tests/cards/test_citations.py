"""The BibTeX of a card."""

import re

from trainer.cards.citations import ALWAYS, KNOWN, bibtex
from trainer.data.augmentation import AUGMENTATIONS
from trainer.objective.aggregators import AGGREGATORS
from trainer.objective.loss_weights import LOSS_WEIGHTS


def test_only_given_keys_are_cited_and_each_once():
    text = bibtex(["pcgrad", "sum", "smart", "pcgrad"])
    assert re.findall(r"^@\w+{(\w+),$", text, re.MULTILINE) == [*ALWAYS, "pcgrad", "smart"]
    assert "Gradient Surgery for Multi-Task Learning" in text
    assert "LoRA" not in text


def test_every_entry_is_complete():
    entries = bibtex(sorted(KNOWN)).split("\n\n")
    assert len(entries) == len(KNOWN)
    for entry in entries:
        assert entry.count("{") == entry.count("}")
        assert re.fullmatch(r"@\w+{\w+,\n(  \w+ = {.+},\n)*  \w+ = {.+}\n}", entry), entry


def test_every_paper_has_all_its_authors_and_a_year():
    assert " and others" not in bibtex(KNOWN)
    for key in KNOWN - set(ALWAYS):
        entry = bibtex([key]).split("\n\n")[-1]
        assert "  author = " in entry and "  year = " in entry


def test_the_version_is_included_if_known():
    assert "version = {1.2.3}" in bibtex([], "1.2.3")
    assert "version" not in bibtex([])


def test_every_method_with_a_paper_has_an_entry():
    assert set(AGGREGATORS) - KNOWN == {"sum"}
    assert set(LOSS_WEIGHTS) - KNOWN == {"fixed"}
    assert "back_translation" in KNOWN and "back_translation" in AUGMENTATIONS
