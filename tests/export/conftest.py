from pathlib import Path
from typing import Any

import pytest
import torch

from tests.export.toy_exports import toy_folder
from tests.modeling.toy_models import TASKS
from trainer.export import export

CALIBRATED = {**TASKS["urgency"], "temperature": 1.7, "min_score": 0.5}


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Use one thread: several spend most of their time waiting on a toy's matrices."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def onnx_export(tmp_path_factory) -> tuple[Path, Any]:
    """Return the ONNX export of a toy BERT with every kind of task, and the model; read-only.

    One of the tasks is calibrated.
    """
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("exported")
    model = toy_folder(folder / "model", tasks={**TASKS, "urgency": CALIBRATED})
    export(str(folder / "model"), folder / "onnx", "onnx")
    return folder / "onnx", model


@pytest.fixture
def nothing_left(tmp_path):
    """Check that a failed export left only these names in the folder."""
    return lambda *names: sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
