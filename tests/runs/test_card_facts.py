"""Where the card says that a task's rows came from."""

from trainer.config.parser import parse
from trainer.runs.card_facts import _source

REPORT = ["--report_to", "none"]


def test_the_hubs_names_of_a_dataset():
    found = _source("similarity", parse([*REPORT, "--tasks.similarity.data_license", "mine"]))
    assert found["dataset"] == "nyu-mll/glue" and found["dataset_config"] == "stsb"
    assert found["dataset_split"] == "validation" and found["dataset_license"] == "mine"


def test_a_data_dir_takes_the_place_of_the_hub_where_it_has_a_folder(tmp_path):
    (tmp_path / "sst5").mkdir()
    own = ["--data_dir", str(tmp_path), "--tasks.similarity.dataset", "me/pairs"]
    settings = parse([*REPORT, *own])
    assert _source("sentiment", settings) == {
        "dataset_description": "local files",
        "dataset_license": None,
    }
    assert _source("similarity", settings)["dataset"] == "me/pairs"


def test_the_sample_is_ours_and_a_folder_beside_it_is_not(tmp_path):
    options = ["--data_dir", "sample", "--tasks.sentiment.folder", "other"]
    settings = parse([*REPORT, *options, "--tasks.sentiment.dataset", str(tmp_path)])
    assert _source("sentiment", settings)["dataset_description"] == "local files"
    sample = _source("similarity", settings)
    assert "sample" in sample["dataset_description"] and sample["dataset_license"] == "Apache 2.0"


def test_files_are_said_to_be_of_a_dataset_of_the_hub(tmp_path):
    for name in ("sst5", "stsb"):
        (tmp_path / name).mkdir()
    named = [
        "--tasks.similarity.data_name",
        "nyu-mll/glue",
        "--tasks.sentiment.data_name",
        "me/own",
    ]
    settings = parse([*REPORT, "--data_dir", str(tmp_path), *named])
    similarity, sentiment = (_source(name, settings) for name in ("similarity", "sentiment"))
    assert (similarity["dataset"], similarity["dataset_config"]) == ("nyu-mll/glue", "stsb")
    assert (sentiment["dataset"], sentiment["dataset_config"]) == ("me/own", None)
    assert similarity["from_files"] and "dataset_split" not in similarity
