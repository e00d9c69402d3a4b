from pathlib import Path

import pytest

from benchmarks.structure import LAYERS, import_cycles, import_graph, package_of, upward_imports

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def graph():
    return import_graph(ROOT)


def test_every_import_points_down(graph):
    assert not upward_imports(graph)


def test_no_modules_import_each_other_in_a_cycle(graph):
    assert not import_cycles(graph)


def test_every_package_has_its_layer(graph):
    packages = {package_of(module) for module in graph} - {"__init__"}
    assert packages == {name for layer in LAYERS for name in layer}


@pytest.mark.parametrize("wing", ["prediction", "audit", "monitoring", "serving"])
def test_a_wing_needs_neither_the_options_nor_the_training_of_a_run(graph, wing):
    imported = {
        package_of(other)
        for module, others in graph.items()
        for other in others
        if package_of(module) == wing
    }
    assert imported and not imported & {"config", "training", "runs"}


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
def test_an_upward_import_is_found_wherever_it_stands(tmp_path, source):
    graph = write(tmp_path, data__rows=source, runs__train="from trainer.data import rows")
    assert upward_imports(graph) == ["data.rows -> runs.train"]


def test_a_cycle_within_a_package_is_found(tmp_path):
    graph = write(
        tmp_path,
        data__a="from trainer.data.b import x",
        data__b="from trainer.data.c import x",
        data__c="import trainer.data.a",
        data__d="from trainer.data.a import x",
    )
    assert not upward_imports(graph)
    assert import_cycles(graph) == [["data.a", "data.b", "data.c"]]
