"""The loop of a model: train, publish, audit, serve, collect, watch, train again, in processes."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.app.browser import CHROMIUM, DRIVER, browser_at
from tests.app.test_in_browser import running
from tests.toy_runs import toy_run
from tests.toys import WORDS
from trainer.hub.push_files import publication

SCRIPTS = Path(__file__).parents[2] / "scripts"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no chromium and chromedriver"),
]


def script(name, *arguments, status=0):
    command = [sys.executable, SCRIPTS / name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def write_texts(path, words, length, count=400):
    """Write texts of these words, of which every third row is of channel b."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "channel"])
        for i in range(count):
            # As the validation rows of a toy run, with their words and length.
            text = " ".join(words[(i + 1) * j % len(words)] for j in range(1, length + i % 5))
            writer.writerow([text, "ab"[i % 3 == 0]])
    return path


def correct_in_a_browser(folder, published, log):
    """Predict a text on the page, and send the correction of a prediction."""
    command = (str(SCRIPTS / "app.py"), str(published), "--feedback", "feedback")
    with (
        running(folder, *command, "--log", str(log), "--log_texts") as address,
        browser_at(address, 1280, 900, folder) as browser,
    ):
        browser.write("#text textarea", "w1 w2 w3")
        browser.click("#predict-single")
        predicted = browser.text("#prediction-sentiment h2")
        other = "neutral" if predicted != "neutral" else "positive"
        browser.click("#correction-sentiment button")
        browser.click_text("#corrected-sentiment label", other)
        browser.click("#send-sentiment")
        browser.wait_for_text("#status-sentiment", "Thank you")
    return other


def test_from_training_to_training_again(tmp_path):
    config = toy_run(tmp_path, 60, 120, num_train_epochs=2, save_strategy="no", seed=1)
    assert "are the reference of monitoring" in script("run_mtl.py", config)
    published = tmp_path / "published"
    for name, path in publication(tmp_path / "out").files.items():
        (published / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, published / name)

    assert "terms" in script("audit.py", published, "--axes", "age")
    log = tmp_path / "answers.jsonl"
    usual = write_texts(tmp_path / "usual.csv", WORDS, 4)
    new = write_texts(tmp_path / "new.csv", ["other", "words", "w1"], 14)
    predict = ("--log", log, "--log_groups", "channel", "--task", "sentiment")
    for number in range(2):
        output = tmp_path / f"usual-{number}.csv"
        script("predict.py", published, usual, "--output", output, *predict)

    label = correct_in_a_browser(tmp_path, published, log)
    answered, *_, corrected = [
        json.loads(line)
        for line in log.read_text().splitlines()
        if '"text"' in line or "feedback" in line
    ]
    assert answered["text"] == "w1 w2 w3" and corrected["label"] == label
    assert answered["id"] == corrected["id"]

    rows = tmp_path / "collected"
    for source in (tmp_path / "feedback", log):
        script("collect_feedback.py", source, "--output_dir", rows, "--evaluation_share", "0")
        (row,) = map(json.loads, (rows / "sentiment" / "train.jsonl").read_text().splitlines())
        assert row == {"text": "w1 w2 w3", "label": label}

    windows = ("--window", "200rows", "--effects", "labels=0.3", "confidence=0.5")
    script("monitor.py", published, log, *windows, status=0)
    script("predict.py", published, new, "--output", tmp_path / "new-out.csv", *predict)
    said = script("monitor.py", published, log, *windows, status=1)
    assert "sentiment: length of texts: differs in 2 windows" in said
    assert "sentiment: unknown words: differs in 2 windows" in said
    alerts = json.loads((tmp_path / "alerts.json").read_text())
    assert alerts["feedback"]["sentiment"]["corrected"] == 1
    assert (tmp_path / "report.html").stat().st_size < 1_000_000

    again = yaml.safe_load(config.read_text())
    data, earlier = tmp_path / "data" / "sst5", tmp_path / "earlier.jsonl"
    labels = json.loads((published / "config.json").read_text())["tasks"]["sentiment"]["labels"]
    with earlier.open("w") as file:  # in the columns of feedback
        for row in map(json.loads, (data / "train.jsonl").read_text().splitlines()):
            file.write(json.dumps({"text": row["text"], "label": labels[row["label"]]}) + "\n")
    again |= {
        "model_name_or_path": str(published),
        "output_dir": str(tmp_path / "again"),
        "tasks": {
            "sentiment": {
                "train_file": [str(earlier), str(rows / "sentiment" / "train.jsonl")],
                "validation_file": str(data / "validation.jsonl"),
            },
            "paraphrase": {},
            "similarity": {},
        },
    }
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(again))
    script("run_mtl.py", tmp_path / "again.yaml")
    assert (tmp_path / "again" / "monitoring" / "reference.json").is_file()
