"""Help of `train` and `search`: the index is current, and each option is there once."""

import json
import re
from collections import Counter

import pytest

from tests.registrations import forgotten
from trainer.cli.option_help import INDEX_FILE, SHORT, read_index
from trainer.cli.option_index import index_text
from trainer.cli.train import main


@pytest.fixture
def printed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    return run


def options(text):
    return re.findall(r"^  --(\w+) ", text, re.MULTILINE)


def test_the_index_is_current():
    current = json.loads(index_text())
    assert json.loads(INDEX_FILE.read_text()) == current, (
        "write it anew: python -m trainer.cli.option_index > trainer/cli/option_index.json"
    )


def test_the_short_help_has_the_options_that_matter(printed):
    text = printed("--help")
    short = [name for names in SHORT.values() for name in names]
    assert [name for name in options(text) if name != "tasks"] == short
    assert 12 <= len(short) <= 26
    assert f"These are {len(short)} of " in text and "--help-all describes them all" in text
    assert len(text.splitlines()) < 70 and max(map(len, text.splitlines())) <= 100


def test_the_whole_help_has_each_option_once_with_its_default(printed):
    text = printed("demo", "--help-all")
    index = read_index()
    every = [option["name"] for group in index["groups"].values() for option in group]
    assert Counter(options(text)) == Counter(every)
    assert "--learning_rate NUMBER" in text and "(default: 5e-05)" in text
    for name in (*index["task_fields"], "loss_weight"):
        assert f"--tasks.NAME.{name} VALUE" in text


def test_options_of_extensions_are_in_the_help(printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass, field\n"
        "from trainer.registry import AGGREGATORS\n"
        "@dataclass\nclass Mine:\n"
        "    share_of_mine: float = field(default=0.5, metadata={'help': 'How much is mine.'})\n"
        "@AGGREGATORS.register('mine', options=Mine)\ndef mine(tasks, options, config): ...\n"
    )
    (tmp_path / "run.yaml").write_text("extensions: [mine.py]\n")
    with forgotten():
        for arguments in (["run.yaml"], ["--extensions", "mine.py"]):
            text = printed(*arguments, "--help")
            assert "--share_of_mine NUMBER" in text and "How much is mine. (default: 0.5)" in text
        assert main(["--extensions", "gone.py", "--help-all"]) == 2
