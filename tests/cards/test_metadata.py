"""The metadata of a card, as the Hub reads it."""

# ruff: noqa: D103 (a test's name says what it shows)
from dataclasses import replace

import yaml
from huggingface_hub import ModelCard, metadata_load
from huggingface_hub.repocard_data import model_index_to_eval_results

from tests.cards.toy_cards import (
    FACTS,
    PARAPHRASE,
    SENTIMENT,
    SIMILARITY,
    card,
    cells,
    numbers_of,
    section,
)
from trainer.cards import (
    write_card,
)
from trainer.config.licenses import LICENSES


def test_metadata_has_the_known_entries():
    data = ModelCard(card()).data.to_dict()
    data.pop("model-index")
    assert data == {
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "base_model": "google-bert/bert-base-uncased",
        "license": "apache-2.0",
        "language": "en",
        "datasets": ["SetFit/sst5", "nyu-mll/glue"],
        "metrics": ["accuracy", "loss", "pearsonr"],
        "tags": ["hybrid-mtl", "multitask", "text-classification", "sentence-similarity"],
    }


def test_pipeline_tag_and_tags_follow_the_tasks():
    tagger = replace(SENTIMENT, kind="token_classification")
    assert ModelCard(card(SIMILARITY, SENTIMENT)).data.pipeline_tag == "text-classification"
    assert ModelCard(card(SIMILARITY)).data.pipeline_tag == "sentence-similarity"
    assert ModelCard(card(tagger)).data.pipeline_tag == "token-classification"
    assert ModelCard(card(tagger)).data.tags == ["hybrid-mtl", "multitask", "token-classification"]


def test_eval_results_give_the_numbers_back():
    assert numbers_of(card()) == {
        "sentiment accuracy": 0.51,
        "sentiment loss": 1.25,
        "paraphrase accuracy": 0.72,
        "similarity pearson": 0.33,
    }


def test_results_on_data_that_the_hub_does_not_have_are_left_out():
    films = replace(SENTIMENT, dataset=None, dataset_description="films")
    assert list(numbers_of(card(films, PARAPHRASE))) == ["paraphrase accuracy"]
    data = ModelCard(card(films)).data.to_dict()
    assert "model-index" not in data
    assert data["metrics"] == ["accuracy", "loss"]


def test_a_metric_that_is_not_finite_is_omitted_from_the_metadata():
    text = card(replace(SIMILARITY, metrics={"pearson": float("nan"), "mse": 2.0}))
    assert numbers_of(text) == {"similarity mse": 2.0}
    assert ["similarity", "pearson", "–"] in cells(section(text, "Results"))


def test_the_hubs_own_parser_reads_every_number_back(tmp_path):
    similarity = replace(SIMILARITY, dataset_split="validation", dataset_revision="abc")
    write_card(replace(FACTS, tasks=[SENTIMENT, PARAPHRASE, similarity]), tmp_path / "README.md")
    data = metadata_load(tmp_path / "README.md")
    name, results = model_index_to_eval_results(data["model-index"])
    assert name == "hybrid-mtl-test"
    (pearson,) = [r for r in results if r.metric_type == "pearsonr"]
    assert (pearson.dataset_type, pearson.dataset_config) == ("nyu-mll/glue", "stsb")
    assert (pearson.dataset_split, pearson.dataset_revision) == ("validation", "abc")
    assert (pearson.task_type, pearson.metric_value) == ("sentence-similarity", 0.33)
    for entry in data["model-index"][0]["results"]:  # required by the Hub
        assert entry["task"]["type"] and entry["dataset"]["name"]
        assert all({"type", "value", "name"} <= set(metric) for metric in entry["metrics"])


def test_the_hub_validates_the_complete_card(monkeypatch):
    """Check the metadata of the card that `ModelCard.validate` sends."""
    seen = []

    class Response:
        def raise_for_status(self):
            pass

    class Session:
        def post(self, url, json, headers):
            seen.append((url, json["repoType"], yaml.safe_load(json["content"].split("---")[1])))
            return Response()

    monkeypatch.setattr("huggingface_hub.repocard.get_session", Session)
    ModelCard(card()).validate()
    ((url, kind, metadata),) = seen
    assert url.endswith("/api/validate-yaml") and kind == "model"
    assert metadata["license"] in LICENSES and metadata["model-index"][0]["results"]
