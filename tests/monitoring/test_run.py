"""A monitor of files: its outputs, and what it does when it is killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tests.monitoring.lines import START, answer, day_of, feedback, write_log
from tests.monitoring.simulated import make_reference
from trainer.errors import InputError
from trainer.monitoring.options import MonitorOptions
from trainer.monitoring.outputs import ALERTS, METRICS, REPORT, write_outputs
from trainer.monitoring.reference import write_reference
from trainer.monitoring.run import LogMonitor

SCRIPT = Path(__file__).parents[2] / "scripts" / "monitor.py"
REFERENCE = make_reference(np.random.default_rng(0))
SHIFTED = (0.6, 0.2, 0.2)


def monitor(log, folder, **options):
    found = LogMonitor("model", REFERENCE, [log], MonitorOptions(**options))
    found.read()
    write_outputs(found.found, folder)
    return found.found, json.loads((folder / ALERTS).read_text())


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """A log of eight days, whose labels shift on the seventh."""
    random = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("log") / "answers.jsonl"
    for day in range(8):
        shares = SHIFTED if day > 5 else (0.2, 0.3, 0.5)
        records = day_of(random, day, 300, shares, groups={"place": "<b>x</b>"})
        notes = [feedback(day * 86_400, id=f"{day}-{i}", label="good") for i in range(0, 40)]
        write_log(path, [*records, *notes])
    return path


def test_a_shift_of_labels_is_an_alert_with_its_place_and_size(days, tmp_path):
    found, content = monitor(days, tmp_path)
    assert found.status == content["status"] == "alert" and content["windows"] == 8
    overall = [alert for alert in content["alerts"] if "group" not in alert]
    assert [alert["measure"] for alert in overall] == ["labels"]
    alert = overall[0]
    assert alert["active"] and alert["since"] == "2026-03-08 00:00" and alert["windows"] == 2
    assert alert["effect"] > 0.3 and alert["p_holm"] < 1e-6 and alert["n"] == 300
    assert "mood: predicted labels: differs in 2 windows from 2026-03-08" in alert["sentence"]
    counts = content["feedback"]["mood"]
    assert counts["corrected"] + counts["confirmed"] == 320 and counts["rows_when_trained"] == 1000
    assert "Feedback is selected" in content["feedback_note"]


class Page(HTMLParser):
    """The texts, tags and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_the_page_needs_nothing_else_and_shows_names_as_they_are(days, tmp_path):
    monitor(days, tmp_path)
    text = (tmp_path / REPORT).read_text()
    page = Page(text)
    assert len(text.encode()) < 1_000_000 and not page.links
    assert not {"script", "b", "img", "link"} & set(page.tags) and "://" not in text
    assert "place = <b>x</b>" in page.text and "Feedback is selected" in page.text
    assert "differs in 2 windows from 2026-03-08" in page.text and page.tags.count("svg") >= 5


def test_the_page_stays_small_with_many_windows_and_groups(tmp_path):
    random = np.random.default_rng(0)
    path = tmp_path / "log"
    for day in range(150):
        records = day_of(random, day, 60)
        for index, record in enumerate(records):
            record["groups"] = {f"c{n}": f"{'long ' * 9}{index % 40}" for n in range(4)}
        write_log(path, records)
    found, _ = monitor(path, tmp_path, window="60rows")
    assert len(found.windows) == 150 and (tmp_path / REPORT).stat().st_size < 1_000_000


def test_metrics_are_in_prometheus_format(days, tmp_path):
    monitor(days, tmp_path)
    lines = (tmp_path / METRICS).read_text().splitlines()
    sample = re.compile(
        r'^hybrid_mtl_monitor_\w+\{\w+="(?:[^"\\]|\\.)*"(?:,\w+="(?:[^"\\]|\\.)*")*\} \S+$'
    )
    assert all(line.startswith(("# HELP ", "# TYPE ")) or sample.match(line) for line in lines)
    labels = 'model="model",task="mood",measure="labels",group=""'
    assert f"hybrid_mtl_monitor_alert{{{labels}}} 1.0" in lines


def test_too_few_rows_are_no_all_clear(tmp_path):
    log = write_log(tmp_path / "log", day_of(np.random.default_rng(0), 0, 300))
    found, content = monitor(log, tmp_path, window="500rows")
    assert found.status == "too few rows" and content["pending_answers"] == 300
    assert "no window of 500 answers is complete" in content["summary"]
    found, content = monitor(log, tmp_path, window="1h")
    assert found.status == "too few rows" and "needs 50 answers" in content["summary"]


def test_an_ended_alert_is_told_and_no_alert_any_more(tmp_path):
    random = np.random.default_rng(2)
    log = tmp_path / "log"
    for day, shifts in enumerate([0, 1, 1, 0]):
        write_log(log, day_of(random, day, 300, SHIFTED if shifts else (0.2, 0.3, 0.5)))
    found, content = monitor(log, tmp_path)
    assert found.status == "fine" and len(content["alerts"]) == 1
    assert "to 2026-03-05 00:00, and no more" in content["alerts"][0]["sentence"]


def test_reading_on_gives_what_reading_at_once_gives(days, tmp_path):
    lines = days.read_text().splitlines(keepends=True)
    path = tmp_path / "log"
    clock = [START]
    options = MonitorOptions()
    growing = LogMonitor("model", REFERENCE, [path], options, now=lambda: clock[0])
    for start in range(0, len(lines), 700):
        with path.open("a") as file:
            file.writelines(lines[start : start + 700])
        last = json.loads(lines[min(start + 699, len(lines) - 1)])["time"]
        clock[0] = max(clock[0], datetime.fromisoformat(last).timestamp())
        growing.read()
    clock[0] += 2 * 86_400
    growing.read()
    write_outputs(growing.found, tmp_path)
    in_parts = (tmp_path / ALERTS).read_bytes()
    monitor(days, tmp_path)
    assert (tmp_path / ALERTS).read_bytes() == in_parts


def test_texts_are_embedded_once_for_all_tasks(tmp_path):
    calls = []

    def embed(rows):
        calls.append(len(rows))
        return np.random.default_rng(len(calls)).normal(size=(len(rows), 16))

    random = np.random.default_rng(0)
    records = []
    for number, record in enumerate(day_of(random, 0, 120)):
        text = {"text": f"text {number}", "id": str(number)}
        records += [{**record, **text}, answer(task="near", **text, time=record["time"])]
    log = write_log(tmp_path / "log", records)
    monitored = LogMonitor("model", REFERENCE, [log], MonitorOptions("120rows"), embed=embed)
    monitored.read()
    assert calls == [60, 60]
    results = {r.check.measure: r for r in monitored.found.last_results if r.check.task == "mood"}
    assert results["vectors"].shift.n == 60 and not results["vectors"].shift.p < 0.01


def follow(folder, log):
    write_reference(REFERENCE, folder)
    return subprocess.Popen(
        [sys.executable, SCRIPT, folder, log, "--follow", "--every", "0.1", "--window", "300rows"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, process, seconds=60):
    for _ in range(seconds * 20):
        if process.poll() is not None or condition():
            break
        time.sleep(0.05)
    assert process.poll() is None and condition()


def windows_in(folder):
    return json.loads((folder / ALERTS).read_text())["windows"] if (folder / ALERTS).exists() else 0


def test_a_service_follows_the_log_and_ends_when_told(tmp_path):
    random = np.random.default_rng(0)
    log = write_log(tmp_path / "log", day_of(random, 0, 300))
    process = follow(tmp_path, log)
    wait_for(lambda: windows_in(tmp_path) == 1, process)
    write_log(log, [*day_of(random, 1, 300, SHIFTED), *day_of(random, 2, 300, SHIFTED)])
    wait_for(lambda: windows_in(tmp_path) == 3, process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and not err and "differs in 2 windows" in out
    assert 'alerts{model="' in (tmp_path / METRICS).read_text()


def test_killed_at_any_moment_it_leaves_whole_files_and_begins_anew(tmp_path):
    random = np.random.default_rng(0)
    log = write_log(tmp_path / "log", day_of(random, 0, 300))
    process = follow(tmp_path, log)
    wait_for(lambda: windows_in(tmp_path) == 1, process)
    for day in range(1, 4):
        write_log(log, day_of(random, day, 300))
        wait_for(lambda day=day: windows_in(tmp_path) > day - 1, process)
    process.kill()
    process.communicate()
    for name in (ALERTS, REPORT, METRICS):
        assert (tmp_path / name).read_text().endswith(("}\n", "</html>\n", "</html>", "\n"))
    assert json.loads((tmp_path / ALERTS).read_text())["status"] in ("fine", "too few rows")
    found, content = monitor(log, tmp_path, window="300rows")
    assert content["windows"] == 4
    left = [name for name in os.listdir(tmp_path) if name.startswith(".writing")]
    assert len(left) <= 1  # of the moment of its end


def test_a_log_that_is_missing_at_first_is_an_error(tmp_path):
    monitored = LogMonitor("m", REFERENCE, [tmp_path / "none"], MonitorOptions())
    with pytest.raises(InputError, match="cannot be read"):
        monitored.follow(tmp_path, 0.1, lambda found: None)


def test_a_file_given_twice_is_an_error(tmp_path):
    log = tmp_path / "log"
    log.touch()
    with pytest.raises(InputError, match="is given twice"):
        LogMonitor("m", None, [log, tmp_path / "." / "log"], MonitorOptions("1d"))
