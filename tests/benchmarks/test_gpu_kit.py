"""The kit for accelerators: its parts, its time limit, and a dry run of all of it on the CPU."""

import json
import statistics
import warnings

import pytest
import torch
from transformers import AutoTokenizer

from benchmarks.gpu import __main__ as kit
from benchmarks.gpu import host_reads, report, speed
from benchmarks.gpu.findings import Findings
from benchmarks.gpu.settings import Settings
from benchmarks.gpu.shapes import LENGTHS, TASKS, drawn_tasks, encoder_folder, flops_per_token


@pytest.fixture
def settings(tmp_path):
    settings = Settings("cpu", True, str(tmp_path))
    settings.path("work").mkdir()
    return settings


def test_rows_are_drawn_at_the_lengths_of_the_data(settings):
    folder = encoder_folder(settings, "toy")
    tasks = drawn_tasks(folder, 600, seed=1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert list(tasks) == list(TASKS)
    for name, task in tasks.items():
        lengths = [len(ids) for ids in tokenizer([row["text"] for row in task["rows"]]).input_ids]
        assert statistics.mean(lengths) == pytest.approx(LENGTHS[name][0], rel=0.06)
        assert all(("text_pair" in row) == task["pair"] for row in task["rows"])
    assert drawn_tasks(folder, 600, seed=1) == tasks != drawn_tasks(folder, 600, seed=2)


def test_operations_are_six_for_a_weight_and_twelve_for_a_width_of_attention(settings):
    folder = encoder_folder(settings, "toy")  # 2 layers, width 32, 64 inside
    weights = 2 * (4 * 32 * 32 + 2 * 32 * 64)
    assert flops_per_token(folder, 20.0) == 6 * weights + 12 * 2 * 32 * 20


def test_a_finding_is_on_the_disk_at_once(tmp_path):
    Findings(tmp_path / "part.json").add("first", 1.5)
    Findings(tmp_path / "part.json").add("second", {"a": [1, 2]})
    kept = json.loads((tmp_path / "part.json").read_text())
    assert kept == {"first": 1.5, "second": {"a": [1, 2]}}


def test_a_part_that_takes_too_long_is_stopped_and_keeps_what_it_found(settings, monkeypatch):
    settings.path("work", "speed.json").write_text('{"matrix_tflops": 1.0}')
    found = kit.run_part("speed", settings, 0.01)
    assert found["matrix_tflops"] == 1.0 and found["end"] == "stopped: the time was over"
    assert settings.path("gpu-speed.log").exists()


@pytest.mark.slow
def test_a_part_that_fails_says_why(settings):
    found = kit.run_part("no such part", settings, 60)
    assert found["end"] == "failed: KeyError: 'no such part'"


def test_parts_after_the_limit_are_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(kit, "run_part", lambda *_: pytest.fail("no time is left"))
    assert kit.main(["--device", "cpu", "--toy", "--limit", "0", "--output", str(tmp_path)]) == 1
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert [found[part]["end"] for part in kit.PARTS] == ["left out: the time was over"] * 5
    assert "left out" in (tmp_path / "gpu.md").read_text()


def answers(tokens, seconds):
    return [{"tokens": tokens, "seconds": s, "cycles": 2} for s in seconds]


def test_ratios_and_mfu_are_of_real_tokens(settings):
    folder = encoder_folder(settings, "toy")
    job = {"weights": folder, "batch_size": 4, "tasks": TASKS}
    ours, theirs = answers(400, [1.0, 2.0, 1.0]), answers(400, [3.0, 4.0, 2.0])
    found = speed.summary({speed.OURS: ours, "transformers.Trainer": theirs}, {}, job, rate=1e9)
    assert found["tokens_per_second"][speed.OURS] == [400.0, 200.0, 400.0]
    assert found["over"] == {"transformers.Trainer": [2.0, 2.0, 3.0]}
    assert found["tokens_per_text"] == 400 / (2 * 4 * 5)
    assert found["mfu"] == 400 * flops_per_token(folder, 10.0) / 1e9


def test_the_table_has_a_row_for_every_shape(settings):
    compared = {
        "tokens_per_second": {"hybrid-mtl": [1234.5, 1000.0, 2000.0]},
        "over": {"transformers.Trainer": [3.0, 2.5, 3.5]},
        "mfu": 0.413,
        "absent": {"sentence-transformers": "not installed"},
    }
    text = report.write(settings, {"speed": {"bert-base, 8 rows": compared, "end": "whole"}})
    assert "over transformers.Trainer" in text
    row = next(line for line in text.splitlines() if line.startswith("| bert-base"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:] == ["1,234", "1,000 to 2,000", "41.3%", "3.00 (2.50 to 3.50)"]


def test_what_torch_says_of_a_wait_is_counted_by_line(monkeypatch):
    modes = []
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    with host_reads.Synchronizations() as found:
        found.watching = True
        for _ in range(2):
            warnings.warn("called a synchronizing CUDA operation", UserWarning, stacklevel=1)
        warnings.warn("something else", UserWarning, stacklevel=1)
    assert modes == ["warn", "default"]
    (line,) = found.found
    assert line.startswith("test_gpu_kit.py:test_what_torch_says") and found.found[line] == 2


@pytest.mark.slow
def test_a_dry_run_goes_through(tmp_path):
    assert kit.main(["--device", "cpu", "--toy", "--output", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert {name: found[name]["end"] for name in kit.PARTS} == dict.fromkeys(kit.PARTS, "whole")
    assert found["correctness"]["passed"] > 30 and not found["correctness"]["failed"]
    assert found["waiting"]["sum"]["waits"] == found["waiting"]["pcgrad"]["waits"] == {}
    assert found["speed"]["toy, 4 rows"]["over"].keys() == {
        "transformers.Trainer",
        "sentence-transformers",
    }
    assert found["prediction"]["toy"]["texts_per_second"] > 0
    assert 0 <= found["run"]["seed 1"]["overall"] <= 1
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"gpu.json", "gpu.md", *(f"gpu-{part}.log" for part in kit.PARTS)}
