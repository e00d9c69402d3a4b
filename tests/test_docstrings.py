"""Docstrings of functions open with a verb."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path
    for package in ("trainer", "modeling_hybrid_mtl")
    for path in (ROOT / package).rglob("*.py")
    if "metric_scripts" not in path.parts
)
NO_VERBS = {"A", "All", "An", "Each", "Every", "How", "No", "One", "Some", "That", "The"}
NO_VERBS |= {"These", "This", "Those", "What", "Whether"}


def first_words(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            yield node.name, ast.get_docstring(node).split()[0].strip("`'\".,:")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_say_what_they_do(path):
    """ruff's rule D401 finds other forms of a verb; here nouns are found."""
    wrong = {
        name: word
        for name, word in first_words(path)
        if word in NO_VERBS or not word[:1].isupper() or word.endswith(("'s", "s'"))
    }
    assert not wrong
