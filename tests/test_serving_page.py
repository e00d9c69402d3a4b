"""The page of the server lists the script's options and statuses, and its examples are valid."""

import json
import re

import pytest
import yaml

pytest.importorskip("fastapi", reason="the extra 'serve' is not installed")

from tests.docs_blocks import ROOT, blocks
from trainer.cli.serve import create_parser
from trainer.prediction.answer_log import parse_line
from trainer.serving.ray_app import RayArguments, build
from trainer.serving.schemas import (
    EmbedBody,
    FeedbackBody,
    OpenAIEmbeddingsBody,
    PredictBody,
    RerankBody,
    parse_body,
)

PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
BODIES = {
    "inputs": PredictBody,
    "input": OpenAIEmbeddingsBody,
    "query": RerankBody,
    "id": FeedbackBody,
}


def json_values():
    """Yield the JSON values of the page; a block may have several."""
    decoder = json.JSONDecoder()
    for block in blocks("serving.md", "json"):
        rest = block.strip()
        while rest:
            value, end = decoder.raw_decode(rest)
            yield value
            rest = rest[end:].strip()


def test_the_table_lists_all_options_with_their_defaults():
    parser = create_parser()
    options = {name: a for a in parser._actions for name in a.option_strings if name[:2] == "--"}
    rows = dict(re.findall(r"^\| `(--\w+)` \| (.+) \|$", PAGE, flags=re.MULTILINE))
    assert set(rows) == set(options) - {"--help"}
    for name, text in rows.items():
        default = options[name].default
        if isinstance(default, int | float) and not isinstance(default, bool):
            shown = "4 MiB" if name == "--max_body" else f"{default:,g}" if default > 9999 else ""
            assert f"({shown or f'{default:g}'})" in text, name


def test_the_requests_of_the_page_are_valid():
    requests = [v for v in json_values() if "event" not in v and next(iter(v)) in BODIES]
    assert len(requests) == 7
    for request in requests:
        parse_body(BODIES[next(iter(request))], json.dumps(request).encode())
    parse_body(EmbedBody, b'{"inputs": ["a"], "normalize": true}')


def test_the_line_of_the_page_is_one_of_a_log():
    (line,) = [value for value in json_values() if "event" in value]
    assert parse_line(json.dumps(line))["task"] == "sentiment"


def test_the_page_lists_all_endpoints_and_statuses():
    sources = [path.read_text() for path in (ROOT / "trainer/serving").glob("*.py")]
    text = "\n".join(sources)
    for path in re.findall(r'"(/[a-z][\w/]+)"', text):
        assert path in PAGE, path
    for status in re.findall(r"RequestError\(\s*(\d{3})", text):
        assert re.search(rf"^\|.*\b{status}\b.* \|", PAGE, flags=re.MULTILINE), status


def test_the_deployment_has_probes_and_time_to_stop():
    text, _ = blocks("serving.md", "yaml")
    pod = yaml.safe_load(text)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    probes = {n: container[n]["httpGet"]["path"] for n in container if n.endswith("Probe")}
    assert probes == {
        "startupProbe": "/health",
        "readinessProbe": "/ready",
        "livenessProbe": "/health",
    }
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    parser = create_parser()
    timeout = parser.parse_args(container["args"]).timeout
    assert pod["terminationGracePeriodSeconds"] > pause + timeout + 5


def test_the_file_for_ray_serve_has_valid_arguments():
    _, text = blocks("serving.md", "yaml")
    (application,) = yaml.safe_load(text)["applications"]
    assert application["import_path"] == f"{build.__module__}:{build.__name__}"
    assert RayArguments(**application["args"]).num_replicas == 4
