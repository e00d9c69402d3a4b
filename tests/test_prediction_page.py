"""The page of predictions lists the script's options, and its commands are valid."""

import re
import shlex

from tests.docs_blocks import ROOT, blocks
from trainer.cli.predict import create_parser
from trainer.prediction.chunks import CHUNK

PAGE = (ROOT / "docs" / "prediction.md").read_text(encoding="utf-8")


def test_the_table_lists_all_options():
    options = {name for action in create_parser()._actions for name in action.option_strings}
    rows = "".join(re.findall(r"^\| (`.+?`) \|", PAGE, flags=re.MULTILINE))
    listed = set(re.findall(r"`(--\w+)`", rows))
    assert listed == options - {"-h", "--help"}


def test_the_commands_are_valid():
    text = "".join(blocks("prediction.md", "bash")).replace("\\\n", " ")
    commands = [shlex.split(line) for line in text.splitlines() if "hybrid-mtl predict" in line]
    assert len(commands) == 5
    for command in commands:
        args = create_parser().parse_args(command[2:])
        assert args.output.suffix in (".csv", ".jsonl", ".parquet")


def test_the_number_of_rows_of_a_chunk_is_right():
    assert f"in chunks of {CHUNK:,}" in PAGE
