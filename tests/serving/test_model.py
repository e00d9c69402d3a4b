import shutil

import pytest

from tests.export.toy_exports import TEXTS, toy_folder
from tests.serving.test_passes import close
from trainer.errors import InputError
from trainer.loading.model_version import model_version
from trainer.serving.model import open_served
from trainer.serving.passes import ModelPasses, Row


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "my-model"
    toy_folder(folder)
    return folder


def test_a_folder_is_served_under_its_own_name_without_its_path(folder):
    served = open_served(str(folder))
    assert (served.name, served.engine, served.precision) == ("my-model", "torch", "float")
    assert served.version == model_version(str(folder), None)
    assert str(folder.parent) not in str(served.describe())
    assert open_served(str(folder), served_name="other").name == "other"


def test_the_version_changes_with_the_weights(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert model_version(str(copy), None) == model_version(str(folder), None)
    with (copy / "model.safetensors").open("ab") as file:
        file.write(b" ")
    assert model_version(str(copy), None) != model_version(str(folder), None)


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"precision": "int8"}, "precision = 'int8': needs an ONNX export; write one with"),
        ({"revision": "main"}, "only Hub repositories have revisions"),
        ({"threads": 0}, "threads = 0: must be 1 or more"),
    ],
)
def test_options_that_do_not_fit_are_refused(folder, options, expected):
    with pytest.raises(InputError, match=expected):
        open_served(str(folder), **options)


def test_there_must_be_a_model(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        open_served(str(tmp_path / "none"))


@pytest.mark.parametrize("precision", ["float", "int8"])
def test_an_export_is_served_with_its_pipelines_predictions(onnx_export, precision):
    served = open_served(str(onnx_export[0]), precision=precision, threads=1)
    assert (served.engine, served.precision) == ("onnxruntime", precision)
    assert served.version.startswith("sha256:") and served.dimensions == 16
    rows = [Row({"text": text}, "mood") for text in TEXTS]
    for row, answer in zip(rows, ModelPasses(served.pipe).run(rows), strict=True):
        expected = served.pipe(row.texts["text"], task="mood")
        if precision == "float":  # int8 scales with the rows of a batch
            assert close(answer.result["mood"], expected)
        assert answer.result["mood"]["label"] in served.tasks["mood"].labels
    (vector,) = ModelPasses(served.pipe).run([Row({"text": TEXTS[0]}, embed=True)])
    assert vector.result == pytest.approx(served.vector(TEXTS[0]).numpy(), abs=1e-5)
