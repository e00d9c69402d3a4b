"""The table, the picture and the numbers of a run."""

import json
import string

import pytest

from benchmarks.speed import report, training
from benchmarks.speed.aggregators import all_ways
from benchmarks.speed.arithmetic import Spread
from benchmarks.speed.findings import Findings
from benchmarks.speed.goals import GOALS, goal_of
from benchmarks.speed.settings import QUICK, Settings


@pytest.fixture
def settings(tmp_path):
    return Settings("sample", threads=1, repetitions=2, sizes=QUICK, folder=tmp_path)


def answer(tokens, seconds):
    return {
        "tokens": tokens,
        "positions": 2 * tokens,
        "seconds": seconds,
        "cycles": 2,
        "product_seconds": seconds / 2,
        "default_product_seconds": seconds,
        "peak_memory": 5_000_000,
        "loss": 1.0,
    }


def test_ratios_of_training_are_of_real_tokens_a_second():
    findings = Findings()
    answers = {
        training.OURS: [answer(100, 1.0), answer(120, 1.0)],
        "tasknet": [answer(50, 1.0), answer(60, 1.0)],
        "the paper's loop": [answer(100, 4.0), answer(120, 4.0)],
    }
    training._report(findings, 8, answers)
    found = {name: finding.spread.median for name, finding in findings.numbers.items()}
    assert found == {
        "train_vs_tasknet": 2.0,
        "train_vs_seed_loop": 4.0,
        "train_vs_fastest_peer": 2.0,
        "train_matmul_share": 0.5,
        "train_matmul_share_default": 1.0,
        "train_padding_share": 0.5,
    }
    assert findings.numbers["train_vs_fastest_peer"].note == "tasknet"


def test_peers_with_our_library_are_compared_apart():
    findings = Findings()
    answers = {
        training.OURS: [answer(100, 1.0)],
        "tasknet": [answer(50, 1.0)],
        "the paper's loop": [answer(25, 1.0)],
        "the paper's loop, oneDNN": [answer(80, 1.0)],
    }
    training._report(findings, 8, answers)
    found = {name: finding.spread.median for name, finding in findings.numbers.items()}
    assert found["train_vs_fastest_peer"] == found["train_vs_tasknet"] == 2.0
    assert found["train_vs_fastest_peer_onednn"] == found["train_vs_seed_loop_onednn"] == 1.25
    assert len(training.contenders(True)) == 2 * len(training.contenders(False))


def test_files_hold_flat_numbers_goals_and_who_is_absent(settings):
    findings = Findings()
    findings.add("train_vs_trainer", Spread(2.5, 2.4, 2.6))
    findings.add("int8_score_loss", Spread(0.7, 0.7, 0.7), note="of 80")
    findings.absent["tasknet"] = "no network"
    findings.series["speed"] = {
        training.OURS: Spread(2.0, 1.0, 3.0),
        "other": Spread(1.0, 1.0, 1.0),
    }
    text = report.write(findings, settings)
    numbers = json.loads((settings.folder / "bench.json").read_text())
    assert numbers == {"train_vs_trainer": 2.5, "int8_score_loss": 0.7}
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "| train_vs_trainer | 2.500 | 2.400 to 2.600 | at least 2 | yes | |" in lines
    assert "| int8_score_loss | 0.700 | | at most 0.5 | no | of 80 |" in lines
    assert "- tasknet: no network" in text
    assert (settings.folder / "bench.png").stat().st_size > 1000


def test_columns_of_a_table_are_aligned():
    table = report.as_table([("a", "b"), ("long", "c")])
    assert len({len(line) for line in table.splitlines()}) == 1


def test_goals_bound_from_below_or_above():
    assert GOALS["train_vs_trainer"].met(2.0)
    assert not GOALS["train_vs_trainer"].met(1.99)
    assert GOALS["import_command_seconds"].met(0.3)
    assert not GOALS["import_command_seconds"].met(0.31)


def test_every_aggregator_but_the_costly_ones_has_a_goal():
    without = [
        n for n in all_ways() if n.startswith("aggregator_") and goal_of(f"{n}_vs_sum") is None
    ]
    assert without == ["aggregator_graddrop", "aggregator_nash_mtl"]
    assert str(goal_of("aggregator32_pcgrad_vs_sum")) == "at most 1.15"
    assert str(goal_of("layout32_worst_vs_siloed")) == "at most 1.3"
    assert goal_of("aggregator32_graddrop_vs_sum") is None


def test_names_are_flat():
    allowed = set(string.ascii_lowercase + string.digits + "_")
    assert all(set(name) <= allowed for name in GOALS)
