import csv

from tests.search.report.studies import content_of, make_study, metrics
from trainer.search.report.tables import console_table, runs_csv


def test_each_run_is_a_line_with_its_values_and_metrics(tmp_path):
    study = make_study(tmp_path, {"optim": ["a,b", "c"]}, seeds=[1, 2])
    content = content_of(
        study, lambda t: "killed" if t.values["optim"] == "c" else metrics(0.5, 0.5)
    )
    lines = list(csv.DictReader(runs_csv(content).splitlines()))
    assert [line["optim"] for line in lines] == ["a,b", "c"] * 2
    assert lines[0]["eval_mood_accuracy"] == "0.5" and lines[0]["score"] == "0.625"
    assert lines[1]["error"] == "killed" and lines[1]["score"] == ""


def test_the_console_has_a_line_for_each_variant(tmp_path):
    study = make_study(tmp_path, variants={"siloed": {}, "single": {}})
    content = content_of(study, lambda t: metrics(0.6 + 0.1 * t.seed, 0.5))
    head, siloed, single = console_table(content).splitlines()
    assert head.split() == ["eval_overall", "runs", "difference", "shown"]
    assert siloed.startswith("siloed") and single.endswith("no difference shown")


def test_a_long_table_is_cut_on_the_console_alone(tmp_path):
    study = make_study(tmp_path, {"max_length": list(range(30))}, seeds=[1])
    text = console_table(content_of(study, lambda t: metrics(t.number / 100, 0.5)))
    assert text.splitlines()[1].startswith("max_length 29")
    assert text.endswith("... and 10 more in README.md")
