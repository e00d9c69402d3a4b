"""The page of predictions lists the script's options, and its commands are valid."""

import re
import runpy
import shlex
from pathlib import Path

from tests.docs_blocks import ROOT, blocks
from trainer.prediction.chunks import CHUNK

PAGE = (ROOT / "docs" / "prediction.md").read_text(encoding="utf-8")


def parser():
    return runpy.run_path(str(Path("scripts/predict.py")))["create_parser"]()


def test_the_table_lists_all_options():
    options = {name for action in parser()._actions for name in action.option_strings}
    rows = "".join(re.findall(r"^\| (`.+?`) \|", PAGE, flags=re.MULTILINE))
    listed = set(re.findall(r"`(--\w+)`", rows))
    assert listed == options - {"-h", "--help"}


def test_the_commands_are_valid():
    text = "".join(blocks("prediction.md", "bash")).replace("\\\n", " ")
    commands = [shlex.split(line) for line in text.splitlines() if "scripts/predict.py" in line]
    assert len(commands) == 5
    for command in commands:
        args = parser().parse_args(command[2:])
        assert args.output.suffix in (".csv", ".jsonl", ".parquet")


def test_the_number_of_rows_of_a_chunk_is_right():
    assert f"in chunks of {CHUNK:,}" in PAGE
