"""The help text: every option once, in its group."""

import re
from collections import Counter
from dataclasses import fields

import pytest
from transformers import TrainingArguments

from modeling_hybrid_mtl import TaskConfig
from trainer.config.help_text import GROUPS, KINDS, option_index, task_fields
from trainer.config.inherited_arguments import INHERITED
from trainer.config.inherited_help import INHERITED_HELP
from trainer.config.parser import UNAVAILABLE_OPTIONS, build_parser, parse
from trainer.config.run_arguments import RunArguments
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data.augmentation import TaskAugmentation
from trainer.data.derived_labels import DerivedLabels
from trainer.data.task_source import TaskSource
from trainer.errors import InputError
from trainer.optimization import TaskTraining
from trainer.options import OTHER


def own_fields():
    inherited = {f.name for f in fields(TrainingArguments)}
    own = {f.name for f in fields(HybridMTLTrainingArguments)} - inherited
    return own | {f.name for f in fields(RunArguments)}


def help_sections(monkeypatch):
    """Heading -> the options under it, in the help text."""
    monkeypatch.setenv("COLUMNS", "100")
    found = {}
    text = build_parser().format_help().partition("task fields:")[0]
    for line in text.splitlines():
        if re.fullmatch(r"[a-z].*:", line):
            heading = found.setdefault(line[:-1], [])
        elif option := re.match(r"  --([a-z0-9_]+)", line):
            heading.append(option[1])
    return found


def test_help_lists_every_option_once(monkeypatch):
    listed = Counter(sum(help_sections(monkeypatch).values(), []))
    inherited = {f.name for f in fields(TrainingArguments)}
    own = {f.name for kind in KINDS for f in fields(kind) if "info" in f.metadata}
    assert set(listed) == (own | set(INHERITED_HELP)) - set(UNAVAILABLE_OPTIONS)
    assert set(INHERITED_HELP) <= inherited - set(UNAVAILABLE_OPTIONS)
    assert set(listed.values()) == {1}


def test_an_inherited_option_that_has_a_group_is_shown(monkeypatch):
    """Those without a group are left out, unless there is a line on them."""
    shown = set(sum(help_sections(monkeypatch).values(), []))
    assert {name for name, info in INHERITED.items() if info.group != OTHER} <= shown
    assert not shown & set(UNAVAILABLE_OPTIONS)
    assert set(UNAVAILABLE_OPTIONS) <= {f.name for f in fields(TrainingArguments)} | {
        "task_args",
        "extension_options",
    }  # none that is gone


def test_help_groups_options_by_purpose(monkeypatch):
    sections = help_sections(monkeypatch)
    *named, rest = list(sections)[1:] if "options" in sections else list(sections)
    assert [*named, rest] == list(GROUPS)
    assert all(sections[purpose] for purpose in GROUPS)
    # Whatever this project adds has its place.
    assert not own_fields() & set(sections[rest])
    for purpose, option in (
        ("model", "model_name_or_path"),
        ("data", "data_dir"),
        ("run", "seed"),
        ("cycle", "stopping_strategy"),
        ("optimization", "learning_rate"),
        ("evaluation", "eval_strategy"),
        ("checkpoints and logs", "save_total_limit"),
        ("precision and hardware", "bf16"),
    ):
        assert option in sections[purpose]


def test_every_option_has_a_help_text():
    for group in option_index(UNAVAILABLE_OPTIONS)["groups"].values():
        for option in group:
            assert len(option["help"]) > 10, option["name"]


def test_help_says_where_a_tasks_fields_go(capsys):
    with pytest.raises(SystemExit) as caught:
        parse(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: hybrid-mtl train [CONFIG] [--OPTION value ...]")
    assert "--tasks.sentiment.hidden_sizes '[384]'" in out
    own = out.partition("task fields:")[2]
    listed = re.findall(r"^  --tasks\.NAME\.(\w+) VALUE\b", own, re.MULTILINE)
    parts = (TaskConfig, TaskSource, DerivedLabels, TaskAugmentation, TaskTraining)
    # A field of two parts is one option.
    assert listed == list(dict.fromkeys(f.name for part in parts for f in fields(part)))
    assert all(len(meaning) > 10 for meaning in task_fields().values())
    # Shown, but no option of that name.
    with pytest.raises(InputError):
        parse(["--tasks.NAME.kind", "similarity"])
