import importlib.util
import json
import sys

import pytest
from transformers import pipeline

from modeling_hybrid_mtl.standard_hybrid_mtl import OPTIONS
from tests.modeling.toy_models import TASKS, toy_model, toy_tokenizer

TEXT = "the film was good"
PAIR = {"text": "a dull film", "text_pair": "Anna is in Paris"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("endpoint")
    toy_model().save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def handler(folder):
    """The folder's own handler, imported by its path as an endpoint does."""
    specification = importlib.util.spec_from_file_location("handler", folder / "handler.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules["handler"] = module
    specification.loader.exec_module(module)
    yield module.EndpointHandler(str(folder))
    del sys.modules["handler"]


@pytest.fixture(scope="module")
def pipe(folder):
    return pipeline("hybrid-mtl", model=str(folder), trust_remote_code=True)


def single(kind="classification"):
    return next(n for n, t in TASKS.items() if t["kind"] == kind and t.get("input") != "pair")


@pytest.mark.parametrize(
    "inputs, parameters",
    [
        (TEXT, {}),
        (TEXT, {"task": single()}),
        (TEXT, {"task": single(), "top_k": 2}),
        (TEXT, {"task": single(), "top_k": None}),
        (TEXT, {"task": single(), "function_to_apply": "none", "return_all_scores": True}),
        (TEXT, {"task": single("token_classification"), "aggregation_strategy": "simple"}),
        (TEXT, {"max_length": 4, "truncation": True}),
        ({"text": TEXT}, {}),
        (PAIR, {}),
        ([TEXT, PAIR, TEXT], {"batch_size": 2}),
        ([], {}),
    ],
)
def test_answers_are_the_pipeline_s_and_json(handler, pipe, inputs, parameters):
    answer = handler({"inputs": inputs, "parameters": parameters})
    assert json.loads(json.dumps(answer)) == answer == pipe(inputs, **parameters)


def test_every_option_of_the_pipeline_is_a_parameter(handler):
    assert set(sys.modules[type(handler).__module__].PARAMETERS) == {"task", "batch_size", *OPTIONS}


@pytest.mark.parametrize("data", [{"inputs": TEXT}, {"inputs": TEXT, "parameters": None}])
def test_parameters_may_be_left_out(handler, pipe, data):
    assert handler(data) == pipe(TEXT)


@pytest.mark.parametrize(
    "data, message",
    [
        ("text", "a request is {"),
        ({}, "a request is {"),
        ({"inputs": TEXT, "task": "mood"}, "unknown field 'task'"),
        ({"inputs": 5}, "expected a string"),
        ({"inputs": " "}, "must be a non-empty text"),
        ({"inputs": [TEXT, {"txt": "x"}]}, "input 1: expected a string"),
        ({"inputs": TEXT, "parameters": [1]}, "parameters: must be an object"),
        ({"inputs": TEXT, "parameters": {"tasks": "x"}}, "unknown parameter 'tasks'"),
        ({"inputs": TEXT, "parameters": {"task": "nothing"}}, "no task 'nothing' in this model"),
        ({"inputs": TEXT, "parameters": {"task": ["mood"]}}, "no task ['mood']"),
        ({"inputs": PAIR, "parameters": {"task": single()}}, "requires one text"),
        ({"inputs": TEXT, "parameters": {"top_k": 0}}, "top_k = 0: must be a positive integer"),
        ({"inputs": TEXT, "parameters": {"batch_size": "4"}}, "batch_size = '4': must be"),
    ],
)
def test_what_cannot_be_answered_says_why(handler, data, message):
    answer = handler(data)
    assert list(answer) == ["error"] and message in answer["error"]


@pytest.fixture
def logging_handler(handler, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HYBRID_MTL_LOG", str(tmp_path / "log.jsonl"))
    return type(handler)(str(folder))


def test_answers_are_logged_as_the_monitor_reads_them(logging_handler, folder, pipe, tmp_path):
    from trainer.loading.model_version import model_version
    from trainer.prediction.answer_log import parse_line
    from trainer.prediction.answer_recorder import AnswerRecorder

    logging_handler({"inputs": [TEXT, PAIR]})
    logging_handler({"inputs": TEXT, "parameters": {"task": single()}})
    text = (tmp_path / "log.jsonl").read_text()
    lines = [parse_line(line) for line in text.splitlines()]
    assert TEXT not in text and logging_handler.not_logged == 0
    recorder = AnswerRecorder(pipe.tokenizer, pipe.model.config, model_version(str(folder), None))
    expected = [
        *recorder.record({"text": TEXT}, pipe(TEXT), with_texts=False),
        *recorder.record(PAIR, pipe(PAIR), with_texts=False),
        *recorder.record({"text": TEXT}, {single(): pipe(TEXT, task=single())}, with_texts=False),
    ]
    assert len(lines) == len(expected)
    for line, other in zip(lines, expected, strict=True):
        for name in set(other) - {"id", "time"}:
            assert line[name] == (
                pytest.approx(other[name], abs=1e-4)
                if isinstance(other[name], float)
                else other[name]
            ), name


def test_requests_that_change_predictions_are_counted_and_not_logged(logging_handler, tmp_path):
    logging_handler({"inputs": [TEXT, TEXT], "parameters": {"task": single(), "top_k": 2}})
    assert logging_handler.not_logged == 2 and not (tmp_path / "log.jsonl").exists()


def test_an_endpoint_logs_to_its_output(handler, folder, monkeypatch, capsys):
    monkeypatch.setenv("HYBRID_MTL_LOG", "-")
    type(handler)(str(folder))({"inputs": TEXT, "parameters": {"task": single()}})
    assert json.loads(capsys.readouterr().out)["task"] == single()


def test_a_log_that_cannot_be_written_stops_no_answer(handler, folder, monkeypatch, capsys):
    monkeypatch.setenv("HYBRID_MTL_LOG", str(folder))
    failing = type(handler)(str(folder))
    assert "error" not in failing({"inputs": TEXT}) and failing.not_logged == 1
    assert "not logged" in capsys.readouterr().err


def test_nothing_is_logged_unless_asked_for(handler, capsys):
    handler({"inputs": TEXT})
    assert not capsys.readouterr().out
