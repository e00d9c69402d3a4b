"""The page has the components of the model's tasks, and its server exposes nothing else."""

import csv
import http.client
import json
import socket
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

import gradio as gr

from tests.modeling.toy_models import SINGLE, TASKS
from trainer.app.corpus import MAX_SIZE
from trainer.app.feedback import Feedback
from trainer.app.page import build_page
from trainer.app.request_limits import MAX_BODY
from trainer.app.serve import MAX_SESSIONS, MAX_WAITING, launch
from trainer.prediction.prediction_log import PredictionFile

PREDICT = ("predict-single", "click")
CORPUS = "the film was good\nthe film was very good\nanna is in paris\n\nthe film was good\n"


@pytest.fixture
def feedback(tmp_path):
    return Feedback(tmp_path / "feedback", "my-model", "abc")


def ids(page: gr.Blocks) -> set[str]:
    return {block.elem_id for block in page.blocks.values() if getattr(block, "elem_id", None)}


def tabs(page: gr.Blocks) -> list[str]:
    return [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)]


def event(page: gr.Blocks, elem_id: str, name: str):
    """Return the event of an element."""
    (block,) = [b for b in page.blocks.values() if getattr(b, "elem_id", None) == elem_id]
    (function,) = [f for f in page.fns.values() if (block._id, name) in f.targets]
    return function


def test_the_page_is_made_of_the_models_own_tasks(make_session, feedback):
    page = build_page(make_session(), feedback, 10)
    assert tabs(page) == ["One text", "Two texts", "Many texts"]
    for name in TASKS:
        assert {f"prediction-{name}", f"correction-{name}", f"send-{name}"} <= ids(page)
    one = {"topic": {"kind": "classification", "labels": ["a", "b"]}}
    page = build_page(make_session(one), None, 10)
    assert tabs(page) == ["One text", "Many texts"]
    assert "prediction-topic" in ids(page) and "correction-topic" not in ids(page)
    assert tabs(build_page(make_session({"near": TASKS["near"]}), None, 10))[0] == "Two texts"
    assert tabs(build_page(make_session({}), None, 10)) == ["Many texts"]


def test_a_correction_is_saved(make_session, feedback):
    session = make_session()
    page = build_page(session, feedback, 10)
    predicted, *values = event(page, *PREDICT).fn("the film was good")
    shown = dict(zip(SINGLE, values[::3], strict=True))
    predictions = session.predict("the film was good")
    assert shown["mood"] == {entry["label"]: entry["score"] for entry in predictions["mood"]}
    wrong = predictions["mood"][-1]["label"]
    status, given = event(page, "send-mood", "click").fn(predicted, wrong)
    assert "saved" in status and given is None
    (path,) = feedback.folder.rglob("*.jsonl")
    row = json.loads(path.read_text())
    assert (row["task"], row["text"], row["label"]) == ("mood", "the film was good", wrong)


def test_predictions_and_corrections_are_logged_with_one_id(make_session, feedback, tmp_path):
    session = make_session()
    arguments = (session.tokenizer, session.config, session.revision)
    log = PredictionFile(tmp_path / "log", *arguments, with_texts=False)
    page = build_page(session, feedback, 10, log)
    predicted, *_ = event(page, *PREDICT).fn("the film was good")
    wrong = session.predict("the film was good")["mood"][-1]["label"]
    event(page, "send-mood", "click").fn(predicted, wrong)
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [line["task"] for line in lines] == [*SINGLE, "mood"]
    assert {line["id"] for line in lines} == {lines[0]["id"]} and lines[-1]["label"] == wrong
    assert {line["version"] for line in lines} == {"some-commit"}
    assert "film" not in log.path.read_text()


def test_a_correction_of_a_pair_holds_both_texts(make_session, feedback):
    page = build_page(make_session(), feedback, 10)
    predicted, *_ = event(page, "predict-pair", "click").fn("a film", "the film")
    event(page, "send-near", "click").fn(predicted, 2)
    row = json.loads((feedback.folder / "near" / "train.jsonl").read_text())
    assert list(row)[:3] == ["text", "text_pair", "label"]
    assert (row["text"], row["text_pair"], row["label"]) == ("a film", "the film", 2.0)


def test_a_correction_needs_a_prediction(make_session, feedback):
    page = build_page(make_session(), feedback, 10)
    with pytest.raises(gr.Error, match="Predict first"):
        event(page, "send-mood", "click").fn(None, "good")
    assert not feedback.folder.exists()


def test_an_error_quotes_no_html(make_session, tmp_path):
    page = build_page(make_session(), None, 10)
    (tmp_path / "rows.csv").write_text("<img src=x>,b\n1,2\n3,4\n")
    with pytest.raises(gr.Error) as caught:
        event(page, "search", "click").fn("", str(tmp_path / "rows.csv"), "c", 0.5)
    assert "&lt;img src=x&gt;" in caught.value.message and "<img" not in caught.value.message


def test_the_pairs_of_a_corpus_are_found_filtered_and_downloadable(make_session):
    page = build_page(make_session(), None, 10)
    search = event(page, "search", "click")
    assert search.tracks_progress
    mined, status, rows, download = search.fn(CORPUS, None, None, -1)
    assert status == "**3 pairs** among 3 different texts, 1 repeated omitted"
    cosines = [row[0] for row in rows]
    assert cosines == sorted(cosines, reverse=True)
    with Path(download.value["path"]).open(encoding="utf-8-sig", newline="") as lines:
        header, *saved = csv.reader(lines)
    assert header == ["cosine", "first text", "second text"]
    assert [[float(row[0]), *row[1:]] for row in saved] == rows
    slide = event(page, "threshold", "change").fn
    status, fewer, download = slide(mined, cosines[0])
    assert status.startswith("**1 pair** among") and fewer == rows[:1]
    assert slide(mined, 1.01)[1] == [] and slide(None, 0.5)[1] == []


def test_truncated_texts_are_counted(make_session):
    search = event(build_page(make_session(), None, 10), "search", "click").fn
    _, status, *_ = search("the film was good\n" + "the film was good " * 20, None, None, 0)
    assert status.endswith("2 different texts; 1 truncated to 24 tokens")


def test_the_column_of_an_upload_is_proposed(make_session, tmp_path):
    page = build_page(make_session(), None, 10)
    upload = event(page, "upload", "upload").fn
    (tmp_path / "rows.csv").write_text("id,Text\n1,one\n2,two\n")
    column = upload(str(tmp_path / "rows.csv"))
    assert (column.value, column.visible) == ("Text", True)
    assert upload(None).visible is False


def test_the_model_runs_one_event_at_a_time(make_session):
    page = build_page(make_session(), None, 10)
    events = [
        event(page, *PREDICT),
        event(page, "predict-pair", "click"),
        event(page, "search", "click"),
    ]
    assert {(e.concurrency_id, e.concurrency_limit) for e in events} == {("model", 1)}


@contextmanager
def served(page, feedback=None):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = launch(page, [feedback.folder] if feedback else [], "127.0.0.1", port)
    try:
        yield address
    finally:
        page.close(verbose=False)


def get(address: str, body: bytes | None = None, kind: str = "application/json"):
    """Return the status and the content of a response."""
    request = urllib.request.Request(address, body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def posted(address: str, path: str, **headers: str) -> int:
    """Return the status of the response to the head of a request."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    connection.putrequest("POST", path)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse().status


def form(content: bytes) -> tuple[bytes, str]:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\n'
    return head + content + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def test_the_server_exposes_no_files(make_session, feedback, tmp_path):
    feedback.add("mood", {"text": "a secret", "label": "good", "prediction": "bad"})
    other = tmp_path / "other.csv"
    other.write_text("secret_column,text\n1,one\n2,two\n")
    page = build_page(make_session(), feedback, 10)
    with served(page, feedback) as address:
        for path in (feedback.folder / "mood/train.jsonl", other, Path(__file__), "/etc/passwd"):
            assert get(f"{address}gradio_api/file={path}")[0] == 403
        call = {
            "data": [{"path": str(other), "meta": {"_type": "gradio.FileData"}}],
            "fn_index": event(page, "upload", "upload")._id,
            "session_hash": "s",
        }
        assert get(f"{address}gradio_api/queue/join", json.dumps(call).encode())[0] == 200
        _, content = get(f"{address}gradio_api/queue/data?session_hash=s")
        assert '"success":false' in content.replace(" ", "") and "secret_column" not in content
        assert get(f"{address}monitoring")[0] in (403, 404)


def test_the_server_takes_no_large_uploads_and_records_nothing(make_session):
    page = build_page(make_session(), None, 10)
    with served(page) as address:
        assert get(f"{address}gradio_api/upload", *form(b"text\na\nb\n"))[0] == 200
        assert get(f"{address}gradio_api/upload", *form(b"x" * (MAX_SIZE + 1)))[0] == 413
        join = "/gradio_api/queue/join"
        assert posted(address, join, **{"Content-Length": str(MAX_BODY + 1)}) == 413
        assert posted(address, join, **{"Transfer-Encoding": "chunked"}) == 411
        config = json.loads(get(f"{address}config")[1])
        assert config["analytics_enabled"] is False and config["run_history"] is False
        assert page._queue.max_size == MAX_WAITING
        assert page.app.state_holder.capacity == MAX_SESSIONS and page.share_url is None
        _, content = get(address)
        assert "fonts.googleapis.com" not in content and "cdnjs" not in content


def test_programs_call_endpoints_by_name(make_session):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    session = make_session()
    with served(build_page(session, None, 10)) as address:
        client = Client(address, verbose=False)
        endpoints = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
        assert set(endpoints) == {"/predict", "/predict_pair"}
        text, other = "the film was good", "a dull film"
        assert client.predict(text, api_name="/predict") == session.predict(text)
        assert client.predict(text, other, api_name="/predict_pair") == session.predict(text, other)
        with pytest.raises(AppError, match="The text is empty"):
            client.predict(" ", api_name="/predict")


def test_endpoints_are_those_of_the_tasks(make_session):
    def names(tasks) -> set[str]:
        page = build_page(make_session(tasks), None, 10)
        return {f.api_name for f in page.fns.values() if f.api_visibility == "public"}

    assert names({"near": TASKS["near"]}) == {"predict_pair"}
    assert names({"mood": TASKS["mood"]}) == {"predict"}
    assert names({}) == set()
