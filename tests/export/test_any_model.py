"""A trained model and its export open alike, and predict files."""

import json
import pickle

import pytest

from trainer.errors import InputError
from trainer.export.any_model import AnyModel
from trainer.prediction.fingerprint import model_fingerprint
from trainer.prediction.job import PredictionJob
from trainer.prediction.run import predict_files
from trainer.prediction.sources import Inputs


def test_an_export_predicts_files_as_its_model_does(onnx_export, tmp_path):
    folder, _ = onnx_export
    (tmp_path / "rows.csv").write_text("text\na good film\nthe film was dull\n")
    scores = {}
    for name, model in {
        "torch": AnyModel(str(folder.parent / "model"), device="cpu"),
        "float": AnyModel(str(folder), threads=1),
        "int8": AnyModel(str(folder), precision="int8", threads=1),
    }.items():
        output = tmp_path / f"{name}.jsonl"
        job = PredictionJob(Inputs((str(tmp_path / "rows.csv"),)), output, show_progress=False)
        predict_files(job, model.open)
        scores[name] = [json.loads(line)["mood_score"] for line in output.open()]
    assert scores["float"] == pytest.approx(scores["torch"], abs=1e-4)
    assert scores["int8"] == pytest.approx(scores["torch"], abs=0.1)
    assert scores["int8"] != scores["float"]


def test_fingerprints_are_those_of_the_weights(onnx_export):
    folder, _ = onnx_export
    models = [AnyModel(str(folder)), AnyModel(str(folder), precision="int8")]
    models.append(AnyModel(str(folder.parent / "model"), device="cpu"))
    prints = [model_fingerprint(model.open()) for model in models]
    assert len(set(prints)) == 3
    assert prints == [model_fingerprint(pickle.loads(pickle.dumps(m)).open()) for m in models]


def test_what_does_not_apply_is_refused(onnx_export):
    folder, _ = onnx_export
    with pytest.raises(InputError, match="precision = 'int8': .* is not an ONNX export"):
        AnyModel(str(folder.parent / "model"), precision="int8").open()
    with pytest.raises(InputError, match="device: does not apply to an ONNX export"):
        AnyModel(str(folder), device="cuda").open()
    with pytest.raises(InputError, match="cannot load a model from"):
        AnyModel(str(folder / "none"), trust_remote_code=True).open()
