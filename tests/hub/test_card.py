# ruff: noqa: D103 (a test's name says what it shows)
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from trainer.hub import (
    CardFacts,
    TaskFacts,
    facts_from_json,
    facts_to_json,
    render_card,
    write_card,
)

NASTY = "a|b\n---\n\"q\" 's' <img src=x> `c` *d* [e](f) \\| # & {{ x }} : -"

SENTIMENT = TaskFacts("sentiment", "classification", "single", labels=["negative", "positive"])
SENTIMENT.dataset = "SetFit/sst5"
SENTIMENT.rows = {"train": 240, "validation": 60}
SENTIMENT.dropped = {"empty text": 3}
SENTIMENT.metrics = {"accuracy": 0.51, "loss": 1.25}
SENTIMENT.hyperparameters = {"learning_rate": 1e-4}
PARAPHRASE = TaskFacts("paraphrase", "classification", "pair", "cross", dataset="nyu-mll/glue")
PARAPHRASE.metrics = {"accuracy": 0.72}
SIMILARITY = TaskFacts("similarity", "similarity", "pair", "siamese", score_range=[0, 5])
SIMILARITY.dataset, SIMILARITY.dataset_config = "nyu-mll/glue", "stsb"
SIMILARITY.metrics = {"pearson": 0.33}
FACTS = CardFacts(
    model_name="hybrid-mtl-test",
    tasks=[SENTIMENT, PARAPHRASE, SIMILARITY],
    base_model="google-bert/bert-base-uncased",
    license="apache-2.0",
    language="en",
    overall=0.631,
    shared_hyperparameters={"learning_rate": 2e-5, "warmup_ratio": None},
    run={"seed": 7, "data_seed": 1, "versions": {"torch": "2.9.0"}},
    figures=[("Loss by step", "figures/loss curve.png")],
)


def card(*tasks, **changes):
    """Render the card of FACTS with other tasks or fields."""
    return render_card(replace(FACTS, tasks=list(tasks) or FACTS.tasks, **changes))


def numbers_of(text):
    results = ModelCard(text).data.eval_results
    return {result.metric_name: result.metric_value for result in results}


def section(text, title):
    """Return the text below one heading."""
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def cells(text):
    """Return the tables of `text` as rows of cells, split at the pipes that are not escaped."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def code_of(text):
    """Return the Python examples of a card."""
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))


def test_metadata_says_what_is_known():
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


def test_what_is_unknown_is_left_out():
    task = replace(SIMILARITY, dataset=None, metrics={})
    text = card(task, base_model=None, license=None, language=None, overall=None)
    metadata = ModelCard(text).data.to_dict()
    assert set(metadata) == {"library_name", "pipeline_tag", "tags"}
    assert "Not measured yet." in section(text, "Results")


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
        "overall score": 0.631,
    }


def test_tasks_on_local_data_keep_results_of_their_own():
    films = replace(SENTIMENT, dataset=None, dataset_description="films")
    questions = replace(PARAPHRASE, dataset=None, dataset_description="questions")
    results = ModelCard(card(films, questions)).data.eval_results
    named = {result.metric_name: result.dataset_name for result in results}
    assert named["sentiment accuracy"] == "films"
    assert named["paraphrase accuracy"] == "questions"
    for result in results:  # the Hub refuses any other form
        assert re.fullmatch(r"(?:[\w-]+/)?[\w.-]+", result.dataset_type, re.ASCII)


def test_a_metric_that_is_not_finite_is_left_out_of_the_metadata():
    text = card(replace(SIMILARITY, metrics={"pearson": float("nan"), "mse": 2.0}))
    assert numbers_of(text) == {"similarity mse": 2.0, "overall score": 0.631}
    assert ["similarity", "pearson", "–"] in cells(section(text, "Results"))


def test_results_have_a_before_column_only_when_it_is_known():
    without = cells(section(card(), "Results"))
    assert without[0] == ["Task", "Metric", "Value"]
    assert ["all tasks", "overall score", "0.6310"] in without
    measured = replace(SENTIMENT, metrics_before={"accuracy": 0.2})
    rows = cells(section(card(measured, SIMILARITY, overall_before=0.4), "Results"))
    assert rows[0] == ["Task", "Metric", "Before", "After"]
    assert ["sentiment", "accuracy", "0.2000", "0.5100"] in rows
    assert ["similarity", "pearson", "–", "0.3300"] in rows
    assert ["all tasks", "overall score", "0.4000", "0.6310"] in rows


def test_overall_score_is_spelled_out_where_it_is_certain():
    formula = "(accuracy(sentiment) + accuracy(paraphrase) + (1 + pearson(similarity)) / 2) / 3"
    assert formula in card()
    assert "Here:" not in card(replace(SENTIMENT, kind="token_classification"))


def test_examples_are_python_and_cover_each_sort_of_task():
    code = code_of(card(SENTIMENT, SIMILARITY, model_name="someone/model"))
    compile(code, "card", "exec")
    assert 'repo = "someone/model"' in code
    assert 'pipe(text, task="sentiment")' in code
    assert 'pipe(pair, task="similarity")' in code
    assert "pipe(text)\npipe(pair)\n" in code
    assert "embeddings = model(**inputs).embeddings" in code


def test_examples_speak_only_of_inputs_the_model_has():
    assert "pair" not in code_of(card(SENTIMENT))
    assert "pipe(text" not in code_of(card(SIMILARITY))


def test_data_table_shows_source_rows_and_licence_note():
    local = replace(SIMILARITY, dataset=None, dataset_description="a sample")
    link = "[SetFit/sst5](https://huggingface.co/datasets/SetFit/sst5)"
    rows = "train 240, validation 60"
    assert cells(section(card(SENTIMENT, local), "Data"))[2:] == [
        ["sentiment", link, rows, "empty text: 3", "see the dataset's page"],
        ["similarity", "a sample", "not recorded", "none recorded", "not stated here"],
    ]


def test_settings_run_and_figures_are_shown():
    text = card()
    settings = cells(section(text, "Hyperparameters"))
    assert ["shared", "learning_rate", "2e-05"] in settings
    assert ["sentiment head", "learning_rate", "0.0001"] in settings
    run = cells(section(text, "The run"))[2:]
    assert run == [["seed", "7"], ["data seed", "1"], ["versions: torch", "2.9.0"]]
    assert "![Loss by step](figures/loss%20curve.png)" in text


def test_a_demonstration_says_so_first():
    text = card(is_demonstration=True)
    assert "must not be used for decisions" in text.split("## How to use")[0]
    assert "must not be used" not in card()


def test_hostile_text_breaks_neither_metadata_nor_tables():
    task = TaskFacts(NASTY, "classification", "single", labels=[NASTY, "ok"], dataset=f"me/{NASTY}")
    task.dataset_description = NASTY
    task.rows, task.dropped, task.metrics = {NASTY: 1}, {NASTY: 2}, {NASTY: 0.5}
    task.hyperparameters = {NASTY: NASTY}
    facts = CardFacts(NASTY, [task], None, NASTY, license=NASTY, language=NASTY, overall=0.6)
    facts.run = {NASTY: NASTY, "versions": {NASTY: NASTY}}
    facts.figures = [(NASTY, "a).png")]
    text = render_card(facts)
    one_line = " ".join(NASTY.split())
    parsed = ModelCard(text)
    assert parsed.data.license == one_line
    assert numbers_of(text) == {f"{one_line} {one_line}": 0.5, "overall score": 0.6}
    prose = re.sub(r"```python\n.*?```", "", parsed.text, flags=re.DOTALL)
    assert "&lt;img" in prose
    assert not re.search(r"<img|(?<!\\)(\[e|\*d|`c)", prose)
    for title in ("Results", "Data", "Hyperparameters", "The run"):
        assert len({len(row) for row in cells(section(parsed.text, title))}) == 1
    compile(code_of(text), "card", "exec")


@pytest.mark.parametrize(
    "path", ["/home/me/b", "./b", "../b", "~/b", "~me/b", "C:\\me\\b", "C:/me", "me\\b", "a/b/c"]
)
def test_a_path_is_replaced_by_its_description(path):
    task = replace(SENTIMENT, dataset=path, dataset_config="own", dataset_description="my films")
    text = card(task, base_model=path, base_model_description="my encoder")
    metadata = ModelCard(text).data.to_dict()
    assert not {"base_model", "datasets"} & set(metadata)
    assert path not in text
    assert "Training started from my encoder." in text
    assert cells(section(text, "Data"))[2][1] == "my films"


@pytest.mark.parametrize(
    "path", ["/srv/zzz/x", "file:///srv/zzz", "~/zzz/x", "C:\\zzz\\x", "\\\\srv\\zzz\\x"]
)
def test_paths_inside_other_texts_never_leave(tmp_path, path):
    task = replace(SENTIMENT, dataset=None, dataset_description=f"files in ({path})")
    leaky = CardFacts(path, [task], None, f"from {path}, mine")
    leaky.shared_hyperparameters = {"output_dir": Path(path), "list": [path], path: 1}
    leaky.run = {"command": f"train --out={path}", "versions": {"here": path}}
    leaky.figures = [(f"see {path}", "a.png")]
    facts_to_json(leaky, tmp_path / "facts.json")
    for text in (render_card(leaky), (tmp_path / "facts.json").read_text()):
        assert "zzz" not in text
        assert "files in ((local path))" in text


def test_slashes_that_are_no_path_stay():
    said = "and/or 1/2 https://example.org/a (x)/y 5 / 3"
    text = card(replace(SENTIMENT, labels=["/person", "a/b"]), run={"note": said})
    assert ["note", said] in cells(section(text, "The run"))
    assert "Labels: /person, a/b." in text


def test_facts_survive_json(tmp_path):
    path = tmp_path / "deep" / "facts.json"
    facts_to_json(FACTS, path)
    assert facts_from_json(path) == FACTS
    assert render_card(facts_from_json(path)) == card()


def test_numbers_and_objects_of_other_libraries_are_written_as_plain_values(tmp_path):
    numpy = pytest.importorskip("numpy")
    task = replace(SIMILARITY, metrics={"mse": numpy.float32(0.5)}, rows={"a": numpy.int64(4)})
    odd = replace(FACTS, tasks=[task], run={"when": Path("x"), "limit": float("inf")})
    assert numbers_of(render_card(odd))["similarity mse"] == 0.5
    facts_to_json(odd, tmp_path / "facts.json")
    back = facts_from_json(tmp_path / "facts.json")
    assert back.tasks[0].rows == {"a": 4}
    assert back.run == {"when": "x", "limit": None}


@pytest.mark.parametrize("text", ["{", "[]", '{"tasks": []}', '{"tasks": [{"colour": 1}]}'])
def test_a_wrong_facts_file_is_refused(tmp_path, text):
    path = tmp_path / "facts.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="write it with facts_to_json"):
        facts_from_json(path)


def test_wrong_task_facts_are_refused():
    with pytest.raises(ValueError, match="task 'sentiment': kind is 'ranking'; use one of"):
        replace(SENTIMENT, kind="ranking")
    with pytest.raises(ValueError, match="pair_encoding is 'cross'"):
        replace(SENTIMENT, pair_encoding="cross")
    with pytest.raises(ValueError, match="metric 'accuracy' is a str"):
        replace(SENTIMENT, metrics={"accuracy": "0.5"})


def test_no_tasks_and_tasks_of_one_name_are_refused():
    with pytest.raises(ValueError, match="at least one task"):
        replace(FACTS, tasks=[])
    with pytest.raises(ValueError, match="must differ"):
        card(SENTIMENT, SENTIMENT)


@pytest.mark.parametrize("path", ["/tmp/a.png", "~/a.png", "../a.png", "a\\b.png", "C:/a.png"])
def test_a_figure_outside_the_card_is_refused(path):
    with pytest.raises(ValueError, match="relative to the card"):
        card(figures=[("x", path)])


def test_write_card_replaces_whole_files(tmp_path, monkeypatch):
    path = tmp_path / "README.md"
    write_card(FACTS, path)
    monkeypatch.setattr(os, "replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_card(replace(FACTS, model_name="other"), path)
    assert path.read_text(encoding="utf-8") == card()
    assert os.listdir(tmp_path) == ["README.md"]


def test_auxiliary_tasks_are_help_and_no_tasks_of_the_model(tmp_path):
    pos = TaskFacts("pos", "token_classification", "single", labels=["N", "V"], auxiliary=True)
    pos.metrics, pos.rows = {"accuracy": 0.91}, {"train": 77}
    text = card(helpers=[pos])
    data = ModelCard(text).data
    assert "token-classification" not in data.tags and "pos accuracy" not in numbers_of(text)
    assert "with 3 task heads" in text
    assert "- **pos**: token classification, accuracy 0.9100 at the end." in text
    assert 'task="pos"' not in code_of(text)
    assert ["pos (auxiliary)", "local files", "train 77"] in [r[:3] for r in cells(text)]
    facts_to_json(replace(FACTS, helpers=[pos]), tmp_path / "facts.json")
    assert facts_from_json(tmp_path / "facts.json").helpers == [pos]
    kept = card(*FACTS.tasks, replace(SENTIMENT, name="tone", auxiliary=True))
    assert "/ 3." in kept and "Auxiliary tasks have no part in it." in kept
    assert "it only helped in training" in kept and "**pos**" not in kept
