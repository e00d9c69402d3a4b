from dataclasses import fields
from pathlib import Path

from transformers import TrainingArguments

from trainer.config.help_text import GROUPS
from trainer.config.inherited_arguments import INHERITED, UNSUPPORTED_OPTIONS
from trainer.config.option_tables import options_page
from trainer.config.run_arguments import RunArguments
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.options import info_of

PAGE = Path(__file__).parents[2] / "docs" / "options.md"
KINDS = (RunArguments, HybridMTLTrainingArguments)


def test_the_page_of_options_is_current():
    assert PAGE.read_text() == options_page(), "write it anew with trainer.config.option_tables"


def test_what_is_said_of_an_option_is_one_of_what_can_be_said():
    for declared in [f for kind in KINDS for f in fields(kind)]:
        info = info_of(declared, INHERITED)
        assert info.group in GROUPS, declared.name
        assert info.card in ("always", "changed", "never"), declared.name
        assert info.resume in ("same", "free"), declared.name
        assert info.phase in ("any", "tasks", "run"), declared.name
        if info.needs:
            assert info.needs[0] in {f.name for kind in KINDS for f in fields(kind)}, declared.name


def test_only_inherited_options_are_described_apart_from_their_field():
    inherited = {f.name for f in fields(TrainingArguments)}
    own = {f.name for kind in KINDS for f in fields(kind) if "info" in f.metadata}
    assert set(INHERITED) <= inherited and set(UNSUPPORTED_OPTIONS) <= inherited
    assert not own & set(INHERITED), "described twice"
    assert {f.name for kind in KINDS for f in fields(kind)} <= own | inherited
