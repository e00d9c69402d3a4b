"""What can be chosen by name is registered, and names that collide are refused."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

import trainer.training.hybrid_trainer  # noqa: F401 with which come all that this project registers
from trainer.cards.citations import KNOWN
from trainer.errors import InputError
from trainer.registry import (
    AGGREGATORS,
    AUGMENTATIONS,
    HEADS,
    LOSS_WEIGHTS,
    REGULARIZERS,
    SAMPLERS,
    Registry,
)


@dataclass
class Options:
    strength: float = 0.5


def test_a_registered_class_is_created_with_its_options():
    registry = Registry("thing")
    registry.register("plain", lambda x: ("plain", x))

    @registry.register("tuned", options=Options)
    def tuned(x, config):
        return (x, config.strength)

    assert list(registry) == ["plain", "tuned"] and registry["tuned"] is tuned
    assert registry.make("plain", 1) == ("plain", 1)
    assert registry.make("tuned", 1) == (1, 0.5)
    assert registry.make("tuned", 1, config=Options(2.0)) == (1, 2.0)


def test_a_name_that_is_taken_is_refused_with_both_places():
    registry = Registry("thing")
    registry.register("one", len)
    with pytest.raises(InputError, match=r"test_registry.py, line \d+: .*'one'.*test_registry.py"):
        registry.register("one", max)
    for _ in range(2):  # as when a module is loaded again
        registry.register("two", len)


@pytest.mark.parametrize("name", ["Upper", "", "a b", "a.b", "1st"])
def test_a_name_is_one_that_options_can_have(name):
    with pytest.raises(InputError, match="a name must consist of lower-case letters"):
        Registry("thing").register(name, len)


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(InputError, match="no regularizer 'smrt'.*smart.*Did you mean 'smart'"):
        REGULARIZERS.entry("smrt")


def test_options_are_a_dataclass():
    with pytest.raises(InputError, match="options must be a dataclass"):
        Registry("thing").register("one", len, options=dict)


@pytest.mark.parametrize(
    ("registry", "some"),
    [
        (AGGREGATORS, {"sum", "pcgrad", "cagrad"}),
        (LOSS_WEIGHTS, {"uncertainty", "gradnorm", "famo", "dwa"}),
        (SAMPLERS, {"round_robin", "annealed"}),
        (REGULARIZERS, {"smart", "bregman", "rdrop"}),
        (AUGMENTATIONS, {"synonyms", "swap_sides"}),
    ],
)
def test_this_projects_own_are_registered_as_any(registry, some):
    assert some <= set(registry)
    assert all("trainer" in registry.entry(name).place for name in some)


def test_no_code_asks_for_a_kind_of_task_by_its_name():
    # What follows from a kind stands in its head, so that a new one is one class in one file.
    root = Path(__file__).parents[1]
    found = []
    for path in [*root.glob("trainer/**/*.py"), *root.glob("modeling_hybrid_mtl/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                texts = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
                found += [f"{path}, line {node.lineno}"] * bool(texts & set(HEADS))
    assert found == []


@pytest.mark.parametrize("registry", [REGULARIZERS, AUGMENTATIONS])
def test_an_entry_is_registered_by_the_file_of_its_name_which_cites_its_paper(registry):
    for name, entry in registry.entries.items():
        assert entry.module == entry.value.__module__ and entry.module.endswith(f".{name}")
        assert entry.value.citation in KNOWN or name in ("replacement", "swap_sides")


def test_terms_of_a_loss_are_added_in_the_order_of_their_options():
    assert list(REGULARIZERS) == ["smart", "bregman", "rdrop"]
