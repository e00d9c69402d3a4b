"""The rows that are chosen as examples, with a model's predictions."""

import pytest
from datasets import Dataset

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.modeling.toy_models import toy_model, toy_tokenizer
from trainer.prediction.examples import choose_rows, predict_examples


def test_rows_are_short_labeled_and_of_all_labels():
    task = toy_model().config.task("mood")
    texts = ["good " * 60, "bad film", "bad play", "a film", "no label", "good film"]
    rows = Dataset.from_dict({"text": texts, "label": [1, 0, 0, 1, None, 2]})
    chosen = choose_rows(rows, task, 3)
    assert [row["label"] for row in chosen] == ["bad", "so-so", "good"]
    assert {row["text"] for row in choose_rows(rows, task, 9)} == {
        *("bad film", "bad play", "a film", "good film")
    }
    assert choose_rows(rows.select([0]), task, 3) == []


def test_every_kind_gets_the_pipelines_predictions():
    model = toy_model()
    pipe = HybridMTLPipeline(model=model, tokenizer=toy_tokenizer(), device="cpu")
    words = Dataset.from_dict({"text": [["good", "film"]], "label": [[0, 2]]})
    pairs = Dataset.from_dict({"text": ["a film"], "text_pair": ["a play"], "label": [2.5]})
    chosen = {
        "tags": choose_rows(words, model.config.task("tags"), 2),
        "near": choose_rows(pairs, model.config.task("near"), 2),
    }
    examples = predict_examples(pipe, chosen)
    (tagged,), (near,) = examples["tags"], examples["near"]
    assert tagged["text"] == "good film" and tagged["label"] == ["O", "PLACE"]
    assert tagged["prediction"] == pipe("good film", task="tags")
    expected = pipe({"text": "a film", "text_pair": "a play"}, task="near")["score"]
    assert near["label"] == 2.5 and near["prediction"]["score"] == pytest.approx(expected)
