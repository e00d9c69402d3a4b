from pathlib import Path

import pytest

from benchmarks.structure import FLOORS, arrows_up, circles, import_graph, wing

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def graph():
    return import_graph(ROOT)


def test_every_import_points_down(graph):
    assert not arrows_up(graph)


def test_no_modules_import_each_other_in_a_circle(graph):
    assert not circles(graph)


def test_every_wing_has_its_floor(graph):
    assert {wing(module) for module in graph} - {"__init__"} == {w for row in FLOORS for w in row}


def write(folder, **sources):
    for name, source in sources.items():
        path = folder / "trainer" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return import_graph(folder)


@pytest.mark.parametrize(
    "source",
    [
        "from trainer.runs.train import train",
        "def f():\n    from trainer.runs import train",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import trainer.runs.train",
        "from ..runs.train import train",
    ],
)
def test_an_arrow_up_is_found_wherever_it_stands(tmp_path, source):
    graph = write(tmp_path, data__rows=source, runs__train="from trainer.data import rows")
    assert arrows_up(graph) == ["data.rows -> runs.train"]


def test_a_circle_within_a_wing_is_found(tmp_path):
    graph = write(
        tmp_path,
        data__a="from trainer.data.b import x",
        data__b="from trainer.data.c import x",
        data__c="import trainer.data.a",
        data__d="from trainer.data.a import x",
    )
    assert not arrows_up(graph)
    assert circles(graph) == [["data.a", "data.b", "data.c"]]
