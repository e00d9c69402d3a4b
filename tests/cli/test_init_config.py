"""`hybrid-mtl train --init`: what it writes is checked, and trains."""

import json

import pytest
import yaml
from transformers import AutoModel

from tests.toys import toy_backbone_config, toy_tokenizer
from trainer.cli import evaluate
from trainer.cli.init_config import find_tasks
from trainer.cli.train import main
from trainer.config.parser import parse
from trainer.errors import InputError


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder with a csv file of topics, and a folder with pairs and their scores."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    (folder / "sts").mkdir(parents=True)
    topics = "".join(f"{n},w{n % 9} w{n % 7} w{n % 5},{'ab'[n % 2]}\n" for n in range(60))
    (folder / "topics.csv").write_text("id,comment,topic\n" + topics)
    for part, count in (("train", 30), ("dev", 6)):
        rows = [
            {"sentence1": f"w{n % 9} w1", "sentence2": f"w2 w{n % 7}", "score": n % 11 / 2}
            for n in range(count)
        ]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "sts" / f"{part}.jsonl").write_text(lines)
    (folder / "notes.docx").write_text("")
    return folder


def test_two_tasks_are_found_and_described(data, tmp_path, capsys):
    assert main(["--init", "my.yaml", "--data", "data"]) == 0
    printed = capsys.readouterr().out
    text = (tmp_path / "my.yaml").read_text()
    assert text in printed and "hybrid-mtl train my.yaml" in printed
    assert "not read, since their format is unknown: data/notes.docx" in printed
    tasks = yaml.safe_load(text)["tasks"]
    assert list(tasks) == ["sts", "topics"]
    assert tasks["sts"]["kind"] == "similarity" and tasks["sts"]["score_range"] == [0.0, 5.0]
    assert tasks["sts"]["validation_file"] == "data/sts/dev.jsonl"
    assert tasks["topics"]["labels"] == ["a", "b"] and tasks["topics"]["validation_split"] == 0.2
    assert "    # 'topic' has 2 different values\n" in text
    assert list(parse(["my.yaml"]).tasks) == ["sts", "topics"]


def test_further_columns_of_labels_are_tasks_to_choose(data, tmp_path, capsys):
    rows = "".join(
        f"{n},w{n % 9} w{n % 7},{'ab'[n % 2]},{['low', 'high', ''][n % 3]}\n" for n in range(60)
    )
    (data / "topics.csv").write_text("id,comment,topic,Urgency level\n" + rows)
    assert main(["--init", "my.yaml", "--data", "data/topics.csv"]) == 0
    text = (tmp_path / "my.yaml").read_text()
    assert list(yaml.safe_load(text)["tasks"]) == ["topics"] and "not used" not in text
    head, _, comment = text.partition("  # 'Urgency level' may be another task")
    chosen = "\n".join(line.replace("  # ", "  ", 1) for line in comment.splitlines()[1:])
    (tmp_path / "two.yaml").write_text(f"{head}{chosen}\n")
    tasks = parse(["two.yaml"]).tasks
    assert list(tasks) == ["topics", "urgency_level"]
    assert yaml.safe_load((tmp_path / "two.yaml").read_text())["tasks"]["urgency_level"] == {
        "kind": "classification",
        "labels": ["high", "low"],
        "columns": {"text": "comment", "label": "Urgency level"},
        "train_file": "data/topics.csv",
        "validation_split": 0.2,
        "learning_rate": 1.0e-3,
    }


def test_labels_that_look_like_numbers_stay_texts(data, tmp_path, capsys):
    rows = "".join(f"w{n % 9} w{n % 7},{['1e5', '2e7', 'x'][n % 3]}\n" for n in range(60))
    (data / "topics.csv").write_text("comment,topic\n" + rows)
    assert main(["--init", "my.yaml", "--data", "data/topics.csv"]) == 0
    assert parse(["my.yaml"]).task_configs["topics"].labels == ["1e5", "2e7", "x"]


def test_the_file_trains(data, tmp_path, capsys):
    AutoModel.from_config(toy_backbone_config()).save_pretrained(tmp_path / "encoder")
    toy_tokenizer().save_pretrained(tmp_path / "encoder")
    assert main(["--init", "my.yaml", "--data", "data/topics.csv", "data/sts"]) == 0
    options = ["--model_name_or_path", str(tmp_path / "encoder"), "--max_length", "32"]
    options += ["--use_cpu", "true", "--num_train_epochs", "1"]
    assert main(["my.yaml", *options]) == 0
    metrics = json.loads((tmp_path / "runs/my/metrics.json").read_text())
    assert "eval_topics_accuracy" in metrics and "eval_sts_pearson" in metrics
    assert evaluate.main(["runs/my"]) == 0
    again = json.loads((tmp_path / "runs/my/evaluate/metrics.json").read_text())
    assert again["eval_topics_accuracy"] == metrics["eval_topics_accuracy"]
    assert again["eval_sts_pearson"] == pytest.approx(metrics["eval_sts_pearson"])


def test_a_file_is_not_overwritten_without_being_told(data, tmp_path, capsys):
    (tmp_path / "my.yaml").write_text("mine\n")
    assert main(["--init", "my.yaml", "--data", "data"]) == 2
    printed = capsys.readouterr().err
    assert "init: 'my.yaml' exists; name another file, or add --overwrite" in printed
    assert (tmp_path / "my.yaml").read_text() == "mine\n"
    assert main(["--init=my.yaml", "--data", "data", "--overwrite"]) == 0


def test_names_of_files_say_what_they_are_for(tmp_path):
    for name in ("news_train.csv", "news-dev.tsv", "news.test.csv", "Other Topics.csv.gz"):
        (tmp_path / name).touch()
    tasks, ignored = find_tasks([tmp_path])
    assert {task: sorted(files) for task, files in tasks.items()} == {
        "news": ["test", "train", "validation"],
        "other_topics": ["train"],
    }
    assert not ignored


@pytest.mark.parametrize(
    "names, message",
    [
        ([], "no file in a known format"),
        (["a_dev.csv"], "task 'a' has no training rows"),
        (["a_dev.csv", "a_val.csv"], "are both the validation rows of one task"),
    ],
)
def test_files_that_make_no_task_are_refused(tmp_path, names, message):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=message):
        find_tasks([tmp_path])
    with pytest.raises(InputError, match="no file or folder"):
        find_tasks([tmp_path / "gone"])
