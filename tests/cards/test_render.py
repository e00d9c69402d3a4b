# ruff: noqa: D103 (a test's name says what it shows)
import os
import re
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from tests.cards.toy_cards import (
    FACTS,
    NASTY,
    PARTS,
    SENTIMENT,
    SIMILARITY,
    card,
    cells,
    code_of,
    numbers_of,
    section,
)
from trainer.cards import (
    CardFacts,
    ComputeFacts,
    PhaseFacts,
    TaskFacts,
    facts_from_json,
    facts_to_json,
    render_card,
    write_card,
)


def test_unknown_facts_are_omitted():
    task = replace(SIMILARITY, dataset=None, metrics={})
    text = card(task, base_model=None, license=None, language=None, overall=None)
    metadata = ModelCard(text).data.to_dict()
    assert set(metadata) == {"library_name", "pipeline_tag", "tags"}
    assert "Not measured yet." in section(text, "Results")


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
    assert "Here: (accuracy(sentiment)) / 1." in card(
        replace(SENTIMENT, kind="token_classification")
    )


def test_the_formula_has_the_main_metrics_and_weights_of_the_tasks():
    mood = replace(SENTIMENT, main_metric="f1", score_weight=2.0)
    formula = "(2 * f1(sentiment) + (1 + pearson(similarity)) / 2) / 3"
    assert f"Here: {formula}." in card(mood, SIMILARITY).replace("&#42;", "*").replace("\\*", "*")
    excluded = replace(SIMILARITY, score_weight=0.0)
    assert "Here: (f1(sentiment)) / 1." in card(replace(mood, score_weight=1.0), excluded)


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


def test_data_table_shows_source_rows_and_license_note():
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
    assert numbers_of(text) == {}  # there is no such dataset
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


def test_slashes_that_are_no_path_stay():
    note = "and/or 1/2 https://example.org/a (x)/y 5 / 3"
    text = card(replace(SENTIMENT, labels=["/person", "a/b"]), run={"note": note})
    assert ["note", note] in cells(section(text, "The run"))
    assert "Labels: /person, a/b." in text


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


def test_auxiliary_tasks_are_not_tasks_of_the_model(tmp_path):
    pos = TaskFacts("pos", "token_classification", "single", labels=["N", "V"], auxiliary=True)
    pos.metrics, pos.rows = {"accuracy": 0.91}, {"train": 77}
    text = card(auxiliary_tasks=[pos])
    data = ModelCard(text).data
    assert "token-classification" not in data.tags and "pos accuracy" not in numbers_of(text)
    assert "with 3 task heads" in text
    assert "- **pos**: token classification, accuracy 0.9100 at the end." in text
    assert 'task="pos"' not in code_of(text)
    assert ["pos (auxiliary)", "local files", "train 77"] in [r[:3] for r in cells(text)]
    facts_to_json(replace(FACTS, auxiliary_tasks=[pos]), tmp_path / "facts.json")
    assert facts_from_json(tmp_path / "facts.json").auxiliary_tasks == [pos]
    kept = card(*FACTS.tasks, replace(SENTIMENT, name="tone", auxiliary=True))
    assert "/ 3." in kept and "Auxiliary tasks have no part in it." in kept
    assert "it only helped in training" in kept and "**pos**" not in kept


def test_intervals_are_shown_where_they_were_measured():
    measured = replace(SENTIMENT, intervals={"accuracy": [0.4511, 0.5689]})
    text = section(card(measured, SIMILARITY, overall_interval=[0.6, 0.66]), "Results")
    rows = cells(text)
    assert rows[0] == ["Task", "Metric", "Value", "95% interval"]
    assert {len(row) for row in rows} == {4}
    assert ["sentiment", "accuracy", "0.5100", "0.4511 to 0.5689"] in rows
    assert ["sentiment", "loss", "1.2500", "–"] in rows
    assert ["all tasks", "overall score", "0.6310", "0.6000 to 0.6600"] in rows
    assert "bootstrap" in text and "bootstrap" not in card()
    before = card(replace(measured, metrics_before={"accuracy": 0.2}))
    assert cells(section(before, "Results"))[2][2:] == ["0.2000", "0.5100", "0.4511 to 0.5689"]


def test_the_architecture_is_a_picture_and_a_table():
    text = section(card(architecture=PARTS), "Architecture")
    assert "![3 heads on one encoder](figures/architecture.png)" in text
    rows = cells(text)
    assert rows[2] == ["encoder", "bert, 2 layers, 16 units, pooling: mean", "6,000"]
    assert rows[3] == ["adapter of sentiment", "LoRA, rank 8", "1,024"]
    assert ["head of similarity", "similarity", "0"] in rows
    assert rows[-1] == ["all", "", "7,239"]
    shared = replace(PARTS, shared_hidden_sizes=[8, 4], shared_parameters=172)
    rows = cells(section(card(architecture=shared), "Architecture"))
    assert rows[3] == ["shared layers", "8, 4 units", "172"]
    assert rows[-1] == ["all", "", "7,411"]
    with pytest.raises(ValueError, match="relative to the card"):
        card(architecture=replace(PARTS, figure="/tmp/a.png"))


def test_phases_have_a_table():
    phases = [
        PhaseFacts("words", "masked_language_modeling", ["sentiment"], 40, 2.0, 7200.0),
        PhaseFacts(
            "alone", "tasks", ["sentiment", "similarity"], 9, 0.5, 30.0, {"aggregator": "pcgrad"}
        ),
    ]
    rows = cells(section(card(phases=phases), "Phases of training"))[2:]
    words = ["1: words", "masked language modeling", "sentiment", "40", "2", "2.0 h", ""]
    assert rows[0] == words
    assert rows[1][1:] == [
        "tasks",
        "sentiment, similarity",
        "9",
        "0.5",
        "30 s",
        "aggregator: pcgrad",
    ]
    assert "Phases" not in card()


def test_uninformative_settings_are_omitted():
    head = {"loss_weight": 1.0, "hidden_sizes": [], "cosine_range": [0.0, 1.0], "dropout": 0.1}
    shared = {"dropout": None, "dropout_where": "pooled", "warmup_steps": 0, "seed": 0}
    text = card(replace(SENTIMENT, hyperparameters=head), shared_hyperparameters=shared)
    assert cells(section(text, "Hyperparameters"))[2:] == [
        ["shared", "seed", "0"],
        ["sentiment head", "dropout", "0.1"],
    ]
    shared = {"dropout": 0.2, "dropout_where": "pooled", "loss_weight": 0.5, "sizes": [8, 4]}
    rows = cells(section(card(shared_hyperparameters=shared), "Hyperparameters"))
    assert ["shared", "dropout_where", "pooled"] in rows and ["shared", "sizes", "8, 4"] in rows
    assert ["shared", "loss_weight", "0.5"] in rows


def test_compute_reports_missing_records():
    known = ComputeFacts(["Some CPU, 2 threads"], 5400.0, True, 1)
    text = section(card(compute=known), "Compute")
    assert "Some CPU, 2 threads" in text and "Time: 1.5 h" in text and "resumed once" in text
    assert "was not recorded" not in text
    unknown = ComputeFacts(["A board"], 60.0, False, 2)
    text = section(card(compute=unknown), "Compute")
    assert "resumed 2 times" in text and "was not recorded" in text
    assert "## Compute" not in card()
    run = {"seed": 1, "seconds": 3.0, "hardware": "x"}
    assert ["seconds", "3"] in cells(section(card(run=run), "The run"))
    assert ["seconds", "3"] not in cells(section(card(run=run, compute=known), "The run"))


def test_the_stated_license_of_data_is_shown():
    task = replace(SENTIMENT, dataset_license="CC | BY")
    rows = cells(section(card(task, SIMILARITY), "Data"))[2:]
    assert [row[-1] for row in rows] == ["CC \\| BY", "see the dataset's page"]


def test_limits_depend_on_the_known_facts():
    assert "one language only (en)" in card()
    unknown = card(language=None)
    assert "Which language it was trained on was not recorded" in unknown and "(–)" not in unknown
    chosen = "The checkpoint was chosen on the evaluation data"
    assert chosen in card(chosen_on_evaluation_data=True)
    assert "The checkpoint" not in card(chosen_on_evaluation_data=False)
    assert "may have been chosen" in card()


def test_what_to_cite_and_where_to_report():
    text = card(citations=["lora", "no such"], run={"versions": {"hybrid-mtl": "0.9"}})
    bibtex = section(text, "How to cite")
    assert "@inproceedings{lora," in bibtex and "version = {0.9}" in bibtex
    assert "pcgrad" not in bibtex
    hostile = card(run={"versions": {"hybrid-mtl": "1}\n```\n<b>"}})
    assert "version =" not in section(hostile, "How to cite")
    known = card(model_name="me/model")
    assert "(https://huggingface.co/me/model/discussions)" in section(
        known, "How to report a problem"
    )
    assert "tab Community" in card()


def test_a_model_of_one_task_is_not_trained_together():
    text = card(SIMILARITY, architecture=replace(PARTS, heads={"similarity": 0}, adapters={}))
    assert "with 1 task head, trained with hybrid-mtl" in text and "![1 head on" in text


def test_hostile_text_in_the_new_parts_breaks_nothing():
    task = replace(SENTIMENT, name=NASTY, dataset_license=NASTY, intervals={NASTY: [0.1, 0.2]})
    parts = replace(PARTS, encoder=NASTY, pooling=NASTY, heads={" ".join(NASTY.split()): 5})
    phase = PhaseFacts(NASTY, NASTY, [NASTY], 1, 1.0, 1.0, {NASTY: [NASTY]})
    compute = ComputeFacts([NASTY], 1.0, True, 0)
    text = card(task, architecture=parts, phases=[phase], compute=compute, adapters=[NASTY])
    parsed = ModelCard(text)
    prose = re.sub(r"```(python|bibtex)\n.*?```", "", parsed.text, flags=re.DOTALL)
    assert not re.search(r"<img|(?<!\\)(\[e|\*d|`c)", prose)
    for title in ("Architecture", "Phases of training", "Data", "Results"):
        assert len({len(row) for row in cells(section(parsed.text, title))}) == 1
    compile(code_of(text), "card", "exec")


def test_test_results_and_how_rows_were_divided_are_shown(tmp_path):
    task = replace(
        SENTIMENT,
        test_metrics={"accuracy": 0.4321},
        test_intervals={"accuracy": [0.4, 0.5]},
        split="0.1 of the rows, drawn from the training rows with data seed 3",
        overlaps=["2 of 60 test rows share a text with a training row"],
    )
    facts = CardFacts("run", [task], test_overall=0.4321, test_overall_interval=[0.4, 0.5])
    facts_to_json(facts, tmp_path / "facts.json")
    assert facts_from_json(tmp_path / "facts.json") == facts
    card = render_card(facts)
    assert "| sentiment | accuracy | 0.4321 | 0.4000 to 0.5000 |" in card
    assert "| all tasks | overall score | 0.4321 | 0.4000 to 0.5000 |" in card
    assert "- Validation rows of sentiment: 0.1 of the rows, drawn from" in card
    assert "- Of sentiment, 2 of 60 test rows share a text with a training row.\n\n" in card
    assert "Some evaluation rows share texts with training rows" in card
    plain = render_card(CardFacts("run", [SENTIMENT]))
    assert "Test split" not in plain and "share texts" not in plain
