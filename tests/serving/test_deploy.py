"""The files of deploy/, as far as they can be checked without a container engine."""

import json
import re
import shlex
import tomllib

import pytest
import yaml

from tests.docs_blocks import ROOT
from tests.serving.test_app import results
from tests.serving.test_app_records import metrics_of

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def instructions(name: str) -> list[str]:
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [line.partition(" ")[2].strip() for line in text.splitlines() if line.startswith(name)]


def test_the_image_has_a_pinned_base_and_another_user_than_root():
    (base,) = instructions("FROM")
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base)
    user = instructions("USER")
    assert user == ["10001"] and f"--uid {user[0]}" in DOCKERFILE
    # The process itself gets the signal.
    (entry,), (command,) = instructions("ENTRYPOINT"), instructions("CMD")
    assert json.loads(entry) == ["hybrid-mtl", "serve"] and json.loads(command)[0] == "/model"


def test_everything_copied_exists_or_is_the_wheel():
    wheel = f"dist/hybrid_mtl-{PROJECT['version']}-py3-none-any.whl"
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text()
    for line in instructions("COPY"):
        *sources, _ = shlex.split(line)
        for source in sources:
            assert source == wheel or (ROOT / source).is_file()
            assert f"!{source}" in allowed or source == wheel
    assert "!dist/*.whl" in allowed and wheel.partition("/")[2] in DOCKERFILE
    assert "[serve]" in DOCKERFILE and "serve" in PROJECT["optional-dependencies"]


def test_the_image_has_the_tested_versions():
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    (torch,) = re.findall(r"torch==\S+", DOCKERFILE)
    assert torch in pins
    for line in re.findall(r"pip install .*", DOCKERFILE):
        assert "-c constraints.txt" in line


def test_services_are_pinned_private_and_have_time_to_stop():
    services = COMPOSE["services"]
    for name, service in services.items():
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            known = source in COMPOSE["volumes"] or source.startswith("${")
            assert known or (DEPLOY / source).exists()
    server = services["server"]
    assert server["read_only"] and server["cap_drop"] == ["ALL"]
    assert int(server["stop_grace_period"].removesuffix("s")) >= 40
    assert (DEPLOY / server["build"]["context"] / server["build"]["dockerfile"]).is_file()


def test_the_servers_command_is_valid():
    from trainer.cli.serve import create_parser

    for command in (COMPOSE["services"]["server"]["command"], json.loads(instructions("CMD")[0])):
        assert create_parser().parse_args(command).host == "0.0.0.0"


def board_metrics() -> set[str]:
    board = json.loads((DEPLOY / "grafana/boards/hybrid_mtl.json").read_text())
    text = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    return set(re.findall(r"\b(?:hybrid_mtl|process)_\w+", text))


def test_every_metric_of_the_board_exists(client):
    results(client, inputs="a film")
    found = {name.partition("[")[0] for name in metrics_of(client)}
    asked = board_metrics()
    assert len(asked) > 10 and asked <= found


def test_the_board_is_placed_without_overlaps():
    board = json.loads((DEPLOY / "grafana/boards/hybrid_mtl.json").read_text())
    places = [tuple(panel["gridPos"][key] for key in "xy") for panel in board["panels"]]
    assert len(set(places)) == len(places)
    for panel in board["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert panel["datasource"]["uid"] == "prometheus"


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yml")), ids=lambda path: path.stem)
def test_the_provisioning_is_yaml(path):
    assert isinstance(yaml.safe_load(path.read_text()), dict)
