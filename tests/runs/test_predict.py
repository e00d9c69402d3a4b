"""Predictions for the rows of a file."""

import json

import pytest
import yaml
from transformers import pipeline

from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.runs.predict import predict
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")


def test_predict_reads_the_columns_of_the_task_that_is_asked(toy_trained, toy_place, tmp_path):
    folder, _ = toy_trained
    options = [
        str(toy_place / "toy.yaml"),
        "--model_name_or_path",
        str(folder),
        "--mode",
        "predict",
    ]
    options += ["--predict_file", str(toy_place / "data/qqp/validation.csv")]
    target = predict(
        parse([*options, "--predict_task", "paraphrase", "--output_dir", str(tmp_path)])
    )
    answers = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(answers) == 12 and {a["label"] for a in answers} <= {"paraphrase", "not paraphrase"}
    with pytest.raises(InputError, match="no column 'text' .found: question1, question2, label"):
        predict(parse([*options, "--output_dir", str(tmp_path / "other")]))
    with pytest.raises(InputError, match="no column 'text' or 'sentence1'"):
        options += ["--predict_task", "similarity", "--output_dir", str(tmp_path / "other")]
        predict(parse(options))


def test_predict_answers_every_row_in_order(toy_trained, tmp_path, capsys):
    folder, _ = toy_trained
    rows = tmp_path / "rows.csv"
    rows.write_text("text,text_pair\nw1 w2,w3\nw4,w5 w6 w7 w8\nw9 w9,w9\n")
    target = tmp_path / "answers.jsonl"
    options = ["--mode", "predict", "--model_name_or_path", str(folder)]
    options += ["--predict_file", str(rows), "--predict_output", str(target), "--use_cpu", "true"]
    predict(parse([*options, "--predict_task", "similarity"]))
    assert "tokens" not in capsys.readouterr().out
    found = [json.loads(line) for line in target.read_text().splitlines()]
    pipe = pipeline("hybrid-mtl", model=str(folder), trust_remote_code=True, device="cpu")
    pairs = [("w1 w2", "w3"), ("w4", "w5 w6 w7 w8"), ("w9 w9", "w9")]
    for answer, (a, b) in zip(found, pairs, strict=True):
        expected = pipe({"text": a, "text_pair": b}, task="similarity")
        assert answer["score"] == pytest.approx(expected["score"], abs=1e-4)
    predict(parse([*options, "--overwrite_output_dir", "true"]))
    names = {f"paraphrase_{column}" for column in ("label", "index", "score")}
    assert set(json.loads(target.read_text().splitlines()[0])) == {*names, "similarity_score"}
    rows.write_text("text,text_pair\nw1 w2,w3\nw4," + "w5 " * 40 + "\n")
    predict(parse([*options, "--overwrite_output_dir", "true"]))
    assert "1 of 2 rows have more than 32 tokens" in capsys.readouterr().out


def test_predict_reads_a_table_as_its_task_does_from_a_home_folder(
    toy_trained, tmp_path, monkeypatch
):
    folder, _ = toy_trained
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "rows.csv").write_bytes("text:label\nw1 caf\xe9:0\nw2:0\n".encode("latin-1"))
    options = ["--mode", "predict", "--model_name_or_path", str(folder), "--use_cpu", "true"]
    options += ["--predict_file", "~/rows.csv", "--predict_output", "~/answers.jsonl"]
    options += ["--tasks.sentiment.separator", "':'", "--tasks.sentiment.encoding", "latin-1"]
    assert predict(parse([*options, "--predict_task", "sentiment"])) == tmp_path / "answers.jsonl"
    assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 2


def test_one_of_several_processes_predicts(tmp_path, monkeypatch):
    (tmp_path / "rows.csv").write_text("text\nw1\n")
    options = ["--mode", "predict", "--predict_file", str(tmp_path / "rows.csv")]
    settings = parse([*options, "--output_dir", str(tmp_path / "out"), "--use_cpu", "true"])
    monkeypatch.setattr(
        "trainer.prediction.run.open_sources", lambda *_: pytest.fail("rows were read")
    )
    monkeypatch.setattr(type(settings.training), "process_index", 1)
    predict(settings)
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(type(settings.training), "process_index", 0)
    with pytest.raises(pytest.fail.Exception, match="rows were read"):
        predict(settings)


def test_predict_names_what_is_wrong(toy_trained, tmp_path):
    folder, _ = toy_trained
    options = ["--mode", "predict", "--model_name_or_path", str(folder), "--use_cpu", "true"]
    rows = tmp_path / "rows.csv"
    rows.write_text('text\nw1\n""\n')
    with pytest.raises(InputError, match="rows.csv, row 2: column 'text' must be a non-empty"):
        predict(parse([*options, "--predict_file", str(rows), "--predict_task", "sentiment"]))
    with pytest.raises(InputError, match="no task 'Sentimnt' in this model.*mean 'sentiment'"):
        predict(parse([*options, "--predict_file", str(rows), "--predict_task", "Sentimnt"]))
    rows.write_text("text,label\nw1,2\n")
    options += ["--predict_file", str(rows), "--output_dir", str(tmp_path / "out")]
    for column, message in (("label", "the predictions have a column of"), ("id", "there is no")):
        with pytest.raises(InputError, match=f"predict_keep.*: {message}"):
            predict(parse([*options, "--predict_task", "sentiment", "--predict_keep", column]))
    assert not (tmp_path / "out").exists()
    rows.write_text("sentence\nw1\n")
    with pytest.raises(InputError, match="no column 'text'"):
        predict(parse([*options, "--predict_file", str(rows)]))


def test_predict_reads_a_model_of_any_tasks_without_a_configuration(toy_place, tmp_path):
    entries = {"mood": {"kind": "classification", "labels": [f"l{i}" for i in range(5)]}}
    entries["mood"].update(dataset=str(toy_place / "data" / "sst5"))
    config = yaml.safe_load((toy_place / "toy.yaml").read_text())
    config.update(tasks=entries, data_dir=None, output_dir=str(tmp_path / "out"), max_steps=1)
    (tmp_path / "mood.yaml").write_text(yaml.safe_dump(config))
    train(parse([str(tmp_path / "mood.yaml")]))
    rows = toy_place / "data" / "sst5" / "validation.jsonl"
    options = ["--mode", "predict", "--model_name_or_path", str(tmp_path / "out")]
    options += ["--predict_file", str(rows), "--output_dir", str(tmp_path), "--use_cpu", "true"]
    target = predict(parse(options))
    answers = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(answers) == 12 and set(answers[0]) == {"mood_label", "mood_index", "mood_score"}


def test_a_submission_has_its_own_columns_in_the_order_of_the_rows(toy_trained, tmp_path):
    folder, _ = toy_trained
    rows = tmp_path / "test.csv"
    rows.write_text("\tid\tsentence\n0\ta7\tw1 w2\n1\tb3\tw4\n".replace("\t", ","))
    config = {
        "model_name_or_path": str(folder),
        "mode": "predict",
        "use_cpu": True,
        "predict_file": str(rows),
        "predict_task": "sentiment",
        "predict_output": str(tmp_path / "submission.csv"),
        "predict_columns": {"id": "id", "index": "Predicted_Sentiment"},
        "tasks": {"sentiment": {"columns": {"text": "sentence"}}},
    }
    (tmp_path / "submit.yaml").write_text(yaml.safe_dump(config))
    lines = predict(parse([str(tmp_path / "submit.yaml")])).read_text().splitlines()
    assert lines[0] == "id,Predicted_Sentiment"
    ids, indices = zip(*(line.split(",") for line in lines[1:]), strict=True)
    assert ids == ("a7", "b3") and all(index in "01234" for index in indices)
    with pytest.raises(InputError, match="predict_columns: there is no column 'Id' among"):
        options = ["--overwrite_output_dir", "true", "--predict_columns", '{"Id": "id"}']
        predict(parse([str(tmp_path / "submit.yaml"), *options]))
    assert (tmp_path / "submission.csv").read_text().splitlines() == lines


def test_bad_rows_stay_in_place_with_a_reason(toy_trained, tmp_path, capsys):
    folder, _ = toy_trained
    rows = tmp_path / "rows.jsonl"
    texts = ["w1 w2", " ", "w3", None]
    rows.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts)))
    options = ["--mode", "predict", "--model_name_or_path", str(folder), "--use_cpu", "true"]
    options += ["--predict_file", str(rows), "--output_dir", str(tmp_path), "--predict_keep", "id"]
    options += ["--predict_probabilities", "true"]
    target = predict(parse([*options, "--predict_on_error", "null"]))
    answers = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["id"] for row in answers] == [0, 1, 2, 3]
    assert [row["reason"] for row in answers] == [None, "no text in column 'text'"] * 2
    assert answers[1]["sentiment_label"] is answers[3]["sentiment_index"] is None
    classes = [row for row in answers[0] if row.startswith("sentiment_probability_")]
    assert sum(answers[0][name] for name in classes) == pytest.approx(1)
    assert "2 of 4 rows have no prediction: no text in column 'text'" in capsys.readouterr().out
    options += ["--tasks.sentiment.bad_rows", "drop", "--overwrite_output_dir", "true"]
    predict(parse([*options, "--predict_task", "sentiment"]))
    with pytest.raises(InputError, match="rows.jsonl, row 2: column 'text' must be a non-empty"):
        predict(parse(options))
    assert len(target.read_text().splitlines()) == 4


def test_all_tasks_read_the_columns_and_the_encoding_that_they_have_in_common(
    toy_trained, toy_place, tmp_path
):
    config = yaml.safe_load((toy_place / "toy.yaml").read_text())
    config["tasks"] = {
        "sentiment": {"columns": {"text": "body"}, "encoding": "windows-1252"},
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "new.csv").write_bytes("body\nw1 ü\n".encode("windows-1252"))
    options = ["--mode", "predict", "--model_name_or_path", str(toy_trained[0])]
    files = ["--predict_file", str(tmp_path / "new.csv"), "--output_dir", str(tmp_path / "out")]
    target = predict(parse([str(tmp_path / "run.yaml"), *options, *files]))
    assert "sentiment_label" in target.read_text()
