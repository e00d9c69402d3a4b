"""The benchmark goes through in its smallest sizes, without the other projects."""

import json

import pytest

from benchmarks.speed.__main__ import PARTS, main, read_arguments
from benchmarks.speed.settings import QUICK, Sizes


def test_arguments_say_what_is_measured(tmp_path):
    settings, parts = read_arguments(["--output", str(tmp_path)])
    assert (settings.data_dir, settings.repetitions, settings.sizes) == ("sample", 5, Sizes())
    assert parts == list(PARTS)
    quick, parts = read_arguments(["--quick", "--only", "growth", "--threads", "1", "--no_peers"])
    assert (quick.sizes, quick.threads, quick.peers, parts) == (QUICK, 1, False, ["growth"])


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_each_part_gives_its_numbers(part, tmp_path, capsys):
    output = ["--output", str(tmp_path)]
    main(["--quick", "--no_peers", "--repetitions", "1", "--threads", "1", "--only", part, *output])
    expected = {
        "training": "train_matmul_share",
        "aggregators": "aggregator_pcgrad_vs_sum",
        "table": "shared_table_two_columns_vs_one",
        "inference": "infer_three_heads_vs_one",
        "growth": "growth_tokenizing",
        "startup": "import_seconds",
        "prediction_files": "prediction_files_vs_bare_model",
        "searches": "search_hundred_trivial_trials_seconds",
        "serving": "serve_one_client_vs_pipeline",
    }
    numbers = json.loads((tmp_path / "bench.json").read_text())
    assert numbers[expected[part]] > 0
    assert "absent" not in capsys.readouterr().out.lower()
