"""The app in its own process and a real browser, on a desktop and a phone."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the extra 'app' is not installed")
pytest.importorskip("selenium", reason="selenium is not installed")

from transformers import pipeline

from tests.app.browser import CHROMIUM, DRIVER, browser_at
from tests.modeling.toy_models import SINGLE, toy_model, toy_tokenizer
from trainer.app.corpus import MAX_SIZE

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no chromium and chromedriver"),
]
DESK, PHONE = (1280, 900), (390, 844)
TEXT = "the film was very good"
ROWS = ["the film was good", "the film was very good", "anna is in paris", "=paris", ""]
# Refuses every module of this project.
STRANGER = """
import importlib.abc, runpy, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("modeling_hybrid_mtl", "trainer"):
            raise ModuleNotFoundError(f"No module named '{name}'")

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
runpy.run_path(sys.argv[1] + "/app.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a toy model and files to upload."""
    folder = tmp_path_factory.mktemp("app")
    toy_model().save_pretrained(folder / "toy-model")
    toy_tokenizer().save_pretrained(folder / "toy-model")
    (folder / "toy-model/README.md").write_text("# toy-model\n")
    with (folder / "rows.csv").open("w", newline="") as lines:
        csv.writer(lines).writerows([["id", "sentence"], *enumerate(ROWS)])
    (folder / "no.csv").write_bytes(b"\x89PNG\xff\xfe")
    (folder / "large.csv").write_text("x" * (MAX_SIZE + 1))
    return folder


@contextmanager
def running(folder: Path, *command: str):
    """Run an app in its own process and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    log = folder / f"log-{port}"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={
                **os.environ,
                "GRADIO_SERVER_PORT": port,
                "HF_HOME": str(folder / "hf"),
                "HF_HUB_OFFLINE": "1",
                "OMP_NUM_THREADS": "1",
            },
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + 240
        while "The page is at" not in log.read_text():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def app(folder):
    script, model = str(ROOT / "scripts/app.py"), str(folder / "toy-model")
    with running(folder, script, model, "--feedback", "feedback", "--max_rows", "5") as address:
        yield address


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def browser(app, folder, request, tmp_path):
    with browser_at(app, *request.param, tmp_path) as browser:
        browser.downloads = tmp_path
        yield browser
        # In all tabs nothing is wider than the window, and nothing came from other hosts.
        content, window = browser.widths()
        assert window == request.param[0] and content <= window
        assert browser.requested_hosts() == {"127.0.0.1"}


@pytest.fixture(scope="module")
def pipe(folder):
    return pipeline(
        "hybrid-mtl", model=str(folder / "toy-model"), trust_remote_code=True, device="cpu"
    )


def last_row(folder: Path, task: str) -> dict:
    (path,) = (folder / "feedback" / task).glob("*.jsonl")
    return json.loads(path.read_text().splitlines()[-1])


def test_one_text(browser, folder, pipe):
    browser.write("#text textarea", TEXT)
    browser.click("#predict-single")
    answers = pipe(TEXT, top_k=None)
    assert set(answers) == set(SINGLE)
    for entry in answers["mood"]:
        browser.wait_for_text("#prediction-mood", entry["label"])
        browser.wait_for_text("#prediction-mood", f"{entry['score']:.0%}")
    browser.wait_for_text("#prediction-stars", f"{answers['stars']['score']:.2f}")
    browser.wait_for_text("#prediction-stars", "from 1 to 5")
    for entity in answers["tags"]:
        browser.wait_for_text("#prediction-tags", entity["word"])
        browser.wait_for_text("#prediction-tags", entity["entity"])

    # The row holds the predicted text, not the current text of the box.
    browser.write("#text textarea", "something else")
    wrong = answers["mood"][-1]["label"]
    browser.click("#correction-mood button")
    browser.click("#send-mood")
    assert "Choose the correct label" in browser.error()
    browser.click_text("#corrected-mood label", wrong)
    browser.click("#send-mood")
    browser.wait_for_text("#status-mood", "is saved")
    row = last_row(folder, "mood")
    assert (row["text"], row["label"]) == (TEXT, wrong)
    assert (row["prediction"], row["model"]) == (answers["mood"][0]["label"], "toy-model")


def test_two_texts(browser, folder, pipe):
    browser.open_tab("Two texts")
    browser.click("#predict-pair")
    assert "The first text is empty" in browser.error()
    browser.write("#first textarea", TEXT)
    browser.write("#second textarea", "film " * 40)
    browser.click("#predict-pair")
    assert re.search("The second text: too long for this model: .*is 24", browser.error())
    browser.write("#second textarea", "the film was good")
    browser.click("#predict-pair")
    answers = pipe({"text": TEXT, "text_pair": "the film was good"}, top_k=None)
    for entry in answers["same"]:
        browser.wait_for_text("#prediction-same", f"{entry['score']:.0%}")
    browser.wait_for_text("#prediction-near", f"{answers['near']['score']:.2f}")
    browser.wait_for_text("#prediction-near", "from 0 to 5")
    # Also what is written for screen readers.
    content = "return document.body.textContent"
    browser.wait(lambda: "Done." in browser.driver.execute_script(content), "it is not announced")
    assert "common." not in browser.driver.execute_script(content)

    browser.click("#correction-near button")
    browser.write("#corrected-near input", "7")
    browser.click("#send-near")
    assert "a number from 0 to 5" in browser.error()
    browser.write("#corrected-near input", "1.5")
    browser.click("#send-near")
    browser.wait_for_text("#status-near", "is saved")
    row = last_row(folder, "near")
    assert (row["text"], row["text_pair"], row["label"]) == (TEXT, "the film was good", 1.5)


def test_pasted_texts(browser):
    browser.open_tab("Many texts")
    browser.click("#search")
    assert "at least two different texts" in browser.error()
    browser.write("#corpus textarea", "\n".join("abcdef"))
    browser.click("#search")
    assert "Too many rows: 6; the maximum is 5" in browser.error()
    browser.write("#corpus textarea", f"{TEXT}\nanna is in paris\n{TEXT} .")
    browser.click("#search")
    browser.wait_for_text("#summary", "among 3 different texts")
    browser.wait_for_text("#pairs", f"{TEXT} .")
    browser.write("#threshold input[type=number]", "1\n")
    browser.wait_for_text("#summary", "0 pairs")


def test_an_uploaded_file(browser, folder):
    browser.open_tab("Many texts")
    browser.upload("#upload", folder / "large.csv")
    assert "exceed the maximum allowed size of 2.0 Mb" in browser.error()
    browser.upload("#upload", folder / "no.csv")
    assert "not a CSV file in UTF-8" in browser.error()
    # Once, and not again a moment later.
    browser.driver.execute_async_script("setTimeout(arguments[0], 1000)")
    assert not browser.driver.find_elements("css selector", ".toast-body")
    browser.click("#upload button[aria-label=Clear]")
    browser.upload("#upload", folder / "rows.csv")
    browser.wait(
        lambda: browser.find("#column input").get_attribute("value") == "sentence", "no column"
    )
    browser.write("#threshold input[type=number]", "0\n")
    browser.click("#search")
    browser.wait_for_text("#summary", "among 4 different texts, 1 empty omitted")
    browser.wait_for_text("#pairs", "anna is in paris")
    browser.click("#download")
    path = browser.downloads / "paraphrases.csv"
    browser.wait(path.is_file, "nothing is downloaded")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        header, *rows = csv.reader(lines)
    assert header == ["cosine", "first text", "second text"]
    cosines = [float(row[0]) for row in rows]
    assert rows and cosines == sorted(cosines, reverse=True)
    assert {cell for row in rows for cell in row[1:]} <= {*ROWS[:3], "'=paris"}


def test_html_is_shown_and_not_obeyed(tmp_path):
    html = "<img src=x onerror='document.title=1'>"
    tasks = {
        "mood": {"kind": "classification", "labels": [html, "good"]},
        "tags": {"kind": "token_classification", "labels": [html, f"{html}2"]},
        "same": {"kind": "classification", "input": "pair", "labels": [html, "yes"]},
    }
    toy_model(tasks=tasks).save_pretrained(tmp_path / "model")
    toy_tokenizer().save_pretrained(tmp_path / "model")
    script = str(ROOT / "scripts/app.py")
    with (
        running(tmp_path, script, str(tmp_path / "model"), "--title", html) as address,
        browser_at(address, *DESK, tmp_path) as browser,
    ):
        assert browser.text("h1") == html
        title = browser.driver.title
        browser.write("#text textarea", html)
        browser.click("#predict-single")
        browser.wait_for_text("#prediction-mood", html)
        browser.wait_for_text("#prediction-tags", html.upper())
        browser.open_tab("Many texts")
        browser.write("#corpus textarea", f"{html}\n{html} good")
        browser.click("#search")
        browser.wait_for_text("#pairs", f"{html} good")
        browser.open_tab("Two texts")
        browser.write("#first textarea", html)
        browser.write("#second textarea", html)
        browser.click("#predict-pair")
        browser.wait_for_text("#prediction-same", html)
        assert browser.driver.title == title
        assert not browser.driver.find_elements("css selector", "img[onerror]")


def test_a_space_runs_where_this_project_is_not_installed(folder, tmp_path, pipe):
    script, space = str(ROOT / "scripts/app.py"), folder / "space"
    command = [sys.executable, script, str(folder / "toy-model"), "--space", str(space)]
    subprocess.run(command, check=True, cwd=folder)
    with (
        running(folder, "-I", "-c", STRANGER, str(space)) as address,
        browser_at(address, *PHONE, tmp_path) as browser,
    ):
        browser.write("#text textarea", TEXT)
        browser.click("#predict-single")
        best = pipe(TEXT, task="mood")
        browser.wait_for_text("#prediction-mood", f"{best['score']:.0%}")
        assert browser.text("h1") == "toy-model"
        assert not browser.driver.find_elements("css selector", "#correction-mood")
        with urllib.request.urlopen(address) as page:
            assert str(tmp_path) not in page.read().decode()
