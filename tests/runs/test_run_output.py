"""What a run shows, and what is in its log alone."""

import io
import json
import logging
from contextlib import redirect_stdout

import pytest
import transformers
from tqdm import tqdm

from tests.toy_runs import toy_run
from trainer.config.parser import parse
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.runs.run_output import run_output, weights_not_loaded
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")

REPORT = """\x1b[1m{model} LOAD REPORT\x1b[0m from: {place}
Key                          | Status     |
-----------------------------+------------+-
{rows}

Notes:
- MISSING: those params were newly initialized because missing from the checkpoint.
"""


def report(*rows, model="BertModel"):
    lines = "\n".join(f"{name:<29}| \x1b[31m{status}\x1b[0m    |" for name, status in rows)
    return REPORT.format(model=model, place="bert", rows=lines)


def logged(folder):
    lines = (folder / "run.log").read_text(encoding="utf-8").splitlines()
    return [line.split("  ", 1)[-1] for line in lines]


@pytest.fixture(scope="module", autouse=True)
def verbosity():
    """Restore the level that `log_level` sets for the whole process."""
    level = transformers.logging.get_verbosity()
    yield
    transformers.logging.set_verbosity(level)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("output")
    toy_run(folder, 12, 5, max_steps=2, eval_strategy="steps", eval_steps=1, logging_steps=1)
    return folder


def run(place, name, *options):
    """What is shown, with the messages of transformers, and the run's folder."""
    transformers.logging.set_verbosity_warning()
    screen = io.StringIO()
    handler = logging.getLogger("transformers").handlers[0]
    before = handler.setStream(screen)
    with redirect_stdout(screen):
        train(parse([str(place / "toy.yaml"), "--output_dir", str(place / name), *options]))
    handler.setStream(before)
    return screen.getvalue(), place / name


@pytest.fixture(scope="module")
def normal(place):
    return run(place, "normal")


def test_reports_on_weights_and_mappings_are_in_the_log_alone(normal):
    shown, folder = normal
    assert "LOAD REPORT" not in shown and "{" not in shown
    text = "\n".join(logged(folder))
    assert "HybridMTLModel LOAD REPORT" in text and "heads.sentiment" in text
    entries = [json.loads(line) for line in logged(folder) if line.startswith("{")]
    assert [entry["step"] for entry in entries if "loss" in entry] == [1, 2]
    assert [entry["step"] for entry in entries if "eval_overall" in entry] == [1, 2]


def test_all_that_is_shown_is_in_the_log(normal):
    shown, folder = normal
    assert [line for line in shown.splitlines() if line and line not in logged(folder)] == []


def test_the_end_has_scores_the_folder_and_three_commands(normal):
    shown, folder = normal
    end = shown.partition("the trained model")[2].splitlines()
    assert end[1].split() == ["task", "metric", "after", "95%", "interval"]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert end[2].split()[:3] == [
        "sentiment",
        "accuracy",
        f"{metrics['eval_sentiment_accuracy']:.4f}",
    ]
    assert f"model written to {folder}" in shown
    commands = shown.partition("\nnext:\n")[2].splitlines()
    assert len(commands) == 3
    for command, name in zip(commands, ("ask", "app", "push"), strict=True):
        assert f"hybrid-mtl {name} {folder}" in command


def test_with_log_level_error_the_log_alone_has_the_output(place):
    shown, folder = run(place, "quiet", "--log_level", "error")
    assert shown == ""
    assert f"model written to {folder}, with its card README.md and figures/" in logged(folder)


def test_with_log_level_info_everything_is_shown(place):
    shown, _ = run(place, "verbose", "--log_level", "info")
    assert '{"step": 2, "loss": ' in shown
    assert "HybridMTLModel LOAD REPORT" in shown and "***** Running training *****" in shown


def test_loggers_are_as_before_after_a_run(place, normal):
    loggers = [logging.getLogger(name) for name in ("", "transformers")]
    before = [(list(x.handlers), [list(h.filters) for h in x.handlers]) for x in loggers]
    run(place, "again")
    after = [(list(x.handlers), [list(h.filters) for h in x.handlers]) for x in loggers]
    assert before == after


def test_a_resumed_run_continues_its_log(place):
    options = ["--save_strategy", "steps", "--save_steps", "1"]
    _, folder = run(place, "resumed", *options)
    (folder / "README.md").unlink()
    count = len(logged(folder))
    run(place, "resumed", *options, "--resume", "true")
    lines = logged(folder)
    assert "resumed after step 2 of 2" in lines[count:] and len(lines) > count


@pytest.mark.parametrize(
    ("rows", "model", "needs_pooler", "lost"),
    [
        (
            [("heads.mood.0.weight", "MISSING"), ("shared.0.bias", "MISSING")],
            "HybridMTLModel",
            0,
            0,
        ),
        ([("backbone.x.weight", "MISSING"), ("heads.a", "MISSING")], "HybridMTLModel", 0, 1),
        ([("encoder.layer.{0...5}.w", "MISSING"), ("cls.bias", "UNEXPECTED")], "BertModel", 0, 1),
        ([("embeddings.word.weight", "MISMATCH")], "BertModel", 0, 1),
        ([("pooler.dense.weight", "MISSING")], "BertModel", 0, 0),
        ([("pooler.dense.weight", "MISSING")], "BertModel", 1, 1),
    ],
)
def test_only_weights_that_an_encoder_should_have_are_missed(rows, model, needs_pooler, lost):
    found = weights_not_loaded(report(*rows, model=model), bool(needs_pooler))
    assert found == [name for name, _ in rows[:lost]]


def test_an_encoder_without_some_of_its_weights_is_warned_of(tmp_path):
    from safetensors.torch import load_file, save_file

    toy_run(tmp_path, 12, 5, max_steps=1)
    weights = tmp_path / "encoder" / "model.safetensors"
    kept = load_file(weights)
    del kept["encoder.layer.1.output.dense.weight"]
    save_file(kept, weights, metadata={"format": "pt"})
    shown, _ = run(tmp_path, "out")
    assert "warning: 1 weights of the encoder were not found and start at random" in shown
    assert "encoder.layer.1.output.dense.weight" in shown


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_what_is_printed_stands_above_a_bar(tmp_path, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    args = HybridMTLTrainingArguments(output_dir=str(tmp_path), report_to="none")
    with redirect_stdout(screen), run_output(args):
        bar = tqdm(total=2, desc="training", ncols=40)
        print("a line")
        bar.close()
    last_before = screen.getvalue().split("a line")[0].split("\r")[-1]
    assert last_before.strip() == ""  # the bar was cleared
