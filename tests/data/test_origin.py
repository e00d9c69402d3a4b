"""The origin of a task's rows, as its card states it."""

from trainer.config.parser import parse
from trainer.data.origin import DataOrigin, origin_of

REPORT = ["--report_to", "none"]


def origin(name, settings):
    entry = settings.tasks[name]
    return origin_of(name, entry.source, entry.derived, settings.run.data_dir)


def test_the_hubs_names_of_a_dataset():
    found = origin("similarity", parse([*REPORT, "--tasks.similarity.data_license", "mine"]))
    assert found.dataset == "nyu-mll/glue" and found.dataset_config == "stsb"
    assert found.dataset_split == "validation" and found.dataset_license == "mine"


def test_a_data_dir_takes_the_place_of_the_hub_where_it_has_a_folder(tmp_path):
    (tmp_path / "sst5").mkdir()
    own = ["--data_dir", str(tmp_path), "--tasks.similarity.dataset", "me/pairs"]
    settings = parse([*REPORT, *own])
    assert origin("sentiment", settings) == DataOrigin(dataset_description="local files")
    assert origin("similarity", settings).dataset == "me/pairs"


def test_the_sample_is_ours_and_a_folder_beside_it_is_not(tmp_path):
    options = ["--data_dir", "sample", "--tasks.sentiment.folder", "other"]
    settings = parse([*REPORT, *options, "--tasks.sentiment.dataset", str(tmp_path)])
    assert origin("sentiment", settings).dataset_description == "local files"
    sample = origin("similarity", settings)
    assert "sample" in sample.dataset_description and sample.dataset_license == "Apache 2.0"


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
    similarity, sentiment = (origin(name, settings) for name in ("similarity", "sentiment"))
    assert (similarity.dataset, similarity.dataset_config) == ("nyu-mll/glue", "stsb")
    assert (sentiment.dataset, sentiment.dataset_config) == ("me/own", None)
    assert similarity.from_files and similarity.dataset_split is None


def test_files_and_databases_are_named_without_folders_and_hosts(tmp_path):
    files = f"[{tmp_path}/tickets.csv, {tmp_path}/parts/*.jsonl]"
    database = "sqlite:////secret/place.db?table=tickets"
    options = ["--tasks.sentiment.train_file", files, "--tasks.sentiment.validation_file", database]
    found = origin("sentiment", parse([*REPORT, *options]))
    expected = "local files (tickets.csv, *.jsonl, tickets of a sqlite database)"
    assert found == DataOrigin(dataset_description=expected)
    named = parse([*REPORT, *options, "--tasks.sentiment.data_name", "me/own"])
    assert origin("sentiment", named).dataset == "me/own"
