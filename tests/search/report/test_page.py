from markdown_it import MarkdownIt

from tests.search.report.studies import content_of, make_study, metrics
from trainer.search.report.page import study_page


def page(study, score, importance=None, figures=None, **settings):
    content = content_of(study, score, **settings) | {"importance": importance}
    return study_page(content, figures or {})


def score(trial):
    if trial.variant == "failing":
        return "NonFiniteError: the loss of | is nan"
    gain = 0.1 + 0.002 * trial.seed if trial.variant == "single" else 0.0
    return metrics(0.6 + 0.01 * trial.seed + gain, 0.5)


def variants(folder, **settings):
    return make_study(folder, variants={"siloed": {}, "single": {}, "failing": {}}, **settings)


def test_a_comparison_is_said_with_its_interval(tmp_path):
    text = page(variants(tmp_path, cycles=600), score)
    single = next(line for line in text.splitlines() if line.startswith("| single"))
    assert "+0.0520 (+0.0495 to +0.0545)" in single and "| better |" in single
    assert "Differences are those to siloed, paired by seed" in text
    assert "Budget of a run: 600 cycles" in text


def test_no_difference_is_said(tmp_path):
    text = page(variants(tmp_path), lambda trial: metrics(0.6 + 0.01 * trial.seed, 0.5))
    assert "no difference shown" in text


def test_with_one_seed_nothing_is_claimed(tmp_path):
    text = page(variants(tmp_path, seeds=[1]), score)
    single = next(line for line in text.splitlines() if line.startswith("| single"))
    assert "| one run |" in single and "±" not in single
    assert "paired t-test" not in text


def test_failures_are_listed_with_their_reason_and_every_table_is_whole(tmp_path):
    text = page(variants(tmp_path), score)
    assert "of which 3 failed" in text
    tables = MarkdownIt("commonmark").enable("table").parse(text)
    reasons = [token.content for token in tables if token.type == "inline"]
    assert reasons.count("NonFiniteError: the loss of | is nan") == 3


def test_an_unfinished_study_says_so(tmp_path):
    assert "**Unfinished**" in page(variants(tmp_path), score, done=False)
    assert "**Unfinished**" not in page(variants(tmp_path), score)


def test_a_grid_has_the_best_values_first(tmp_path):
    study = make_study(tmp_path, {"weight_decay": [0.1, 0.3, 0.2]})
    text = page(study, lambda trial: metrics(trial.values["weight_decay"], 0.5))
    order = [line.split("|")[1].strip() for line in text.splitlines() if "| weight" in line]
    assert order == ["weight_decay 0.3", "weight_decay 0.2", "weight_decay 0.1"]
    assert "Best: weight_decay 0.3" in text and "the best of 3" in text
    assert "Difference" not in text


def test_importance_and_figures_are_shown_if_there_are_any(tmp_path):
    found = {"options": {"learning_rate": 0.5, "seed": 0.01}, "r2": 0.6, "runs": 12}
    text = page(variants(tmp_path), score, found, {"figures/curves.png": "Learning curves"})
    assert "| learning_rate | 0.500 |" in text and "over 12 runs" in text
    assert "![Learning curves](figures/curves.png)" in text
    assert "## Figures" not in page(variants(tmp_path), score)


def test_a_study_without_any_result_has_a_page(tmp_path):
    text = page(variants(tmp_path), lambda trial: "MemoryError: ")
    assert "of which 9 failed" in text and "Best:" not in text


def test_the_test_split_is_shown_if_it_was_measured(tmp_path):
    content = content_of(variants(tmp_path), score) | {"importance": None}
    test = {"trial": "trial-0002", "metrics": {"test_overall": 0.75}, "error": ""}
    text = study_page(content | {"test": test}, {})
    assert "The best single run is trial-0002 (single, seed 1)." in text
    assert "on the test split, once: test_overall 0.7500." in text
    failed = {"trial": "trial-0002", "metrics": {}, "error": "; its test split is unreadable"}
    text = study_page(content | {"test": failed}, {})
    assert "trial-0002 (single, seed 1); its test split is unreadable." in text
    assert "test split" not in study_page(content, {})


def test_tasks_are_compared_in_a_table_of_their_own(tmp_path):
    text = page(variants(tmp_path), score).partition("### Differences per task")[2]
    single = next(line for line in text.splitlines() if line.startswith("| single"))
    assert single.startswith("| single | +0.1040 (+0.0990 to +0.1090) | +0.0000 (")
