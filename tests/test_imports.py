"""What refuses something says so without waiting for torch."""

import subprocess
import sys

import pytest

import trainer

HEAVY = ("torch", "transformers", "datasets", "gradio", "matplotlib")


@pytest.mark.parametrize(
    "module",
    ["trainer", "trainer.errors", "trainer.hub", "trainer.hub.push", "trainer.app.model_check"],
)
def test_what_a_refusal_needs_imports_nothing_heavy(module):
    code = f"import sys, {module}; print(*(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_package_gives_its_names_on_first_use():
    assert {getattr(trainer, name).__name__ for name in trainer.__all__} == set(trainer.__all__)
    with pytest.raises(AttributeError, match="module 'trainer' has no attribute 'nothing'"):
        trainer.nothing  # noqa: B018
