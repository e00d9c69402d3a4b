import pytest

from tests.evaluation.drawn import LOG, PARTS, size_of
from trainer.evaluation import CurveMarks, draw_gradient_cosines, draw_learning_curves
from trainer.evaluation.overall import ScorePart
from trainer.evaluation.results import draw_figures


def test_learning_curves(tmp_path, drawn):
    path = tmp_path / "curves.png"
    draw_learning_curves(LOG, PARTS, path)
    width, height = size_of(path)
    assert width > 1000 and height > 500
    sentiment, similarity, _, accuracy, pearson, overall = drawn[0].axes
    assert sentiment.get_title() == "sentiment"
    assert [line.get_xydata().tolist() for line in sentiment.lines] == [
        [[10, 1.6], [20, 1.3]],
        [[20, 1.4]],
    ]
    assert similarity.lines[0].get_xydata().tolist() == [[10, 2.1]]
    assert accuracy.lines[0].get_xydata().tolist() == [[20, 0.4]]
    assert pearson.lines[0].get_xydata().tolist() == [[20, 0.2]]
    assert overall.lines[0].get_xydata().tolist() == [[20, 0.5]]


def test_learning_curves_are_of_the_main_metrics_of_the_scored_tasks(tmp_path, drawn):
    parts = {"sentiment": ScorePart("f1", 0.0), "similarity": ScorePart("spearman")}
    log = [*LOG, {"step": 20, "eval_sentiment_f1": 0.3, "eval_similarity_spearman": 0.1}]
    draw_learning_curves(log, parts, tmp_path / "curves.png")
    _, _, _, f1, spearman, overall = drawn[0].axes
    assert f1.lines[0].get_xydata().tolist() == [[20, 0.3]]
    assert spearman.lines[0].get_xydata().tolist() == [[20, 0.1]]
    assert overall.get_title() == "similarity"


def test_learning_curves_part_the_phases(tmp_path, drawn):
    names = ["first", "first", "second", "second", "third", "third"]
    log = [{**entry, "step": 10 * i, "phase": names[i]} for i, entry in enumerate(LOG)]
    draw_learning_curves(log, PARTS, tmp_path / "curves.png")
    *curves, first, second = drawn[0].axes[0].lines
    assert len(curves) == 2
    assert [first.get_xdata()[0], second.get_xdata()[0]] == [10, 30]


def test_learning_curves_of_a_run_that_logged_nothing(tmp_path, drawn):
    draw_learning_curves([], {"tags": ScorePart("accuracy")}, tmp_path / "curves.png")
    loss, _, accuracy, overall = drawn[0].axes
    assert all(axes.texts[0].get_text() == "nothing logged" for axes in (loss, accuracy, overall))


def test_learning_curves_need_tasks(tmp_path):
    with pytest.raises(ValueError, match="at least one task"):
        draw_learning_curves(LOG, {}, tmp_path / "curves.png")


def test_losses_begin_at_zero_and_scores_where_they_are(tmp_path, drawn):
    below = {"step": 30, "eval_similarity_pearson": -0.3}
    draw_learning_curves([*LOG, below], PARTS, tmp_path / "curves.png")
    sentiment, similarity, _, accuracy, pearson, _ = drawn[0].axes
    assert sentiment.get_ylim()[0] == similarity.get_ylim()[0] == 0
    low, high = pearson.get_ylim()
    assert -0.4 < low < -0.3 and 0.2 < high < 0.3
    low, high = accuracy.get_ylim()
    assert 0.3 < low < 0.4 < high < 0.5


def test_the_model_s_step_interval_and_chance_are_marked(tmp_path, drawn):
    marks = CurveMarks(20, {"sentiment": [0.3, 0.5], "": [0.45, 0.6]}, {"sentiment": 0.1})
    draw_learning_curves(LOG, PARTS, tmp_path / "curves.png", marks)
    _, _, legend, accuracy, pearson, overall = drawn[0].axes
    best, chance = accuracy.lines[-1], accuracy.lines[-2]
    assert set(best.get_xdata()) == {20} and set(chance.get_ydata()) == {0.1}
    (band,) = accuracy.patches
    assert band.get_y() == 0.3 and band.get_height() == pytest.approx(0.2)
    assert accuracy.get_ylim()[0] < 0.1
    assert not pearson.patches and len(overall.patches) == 1
    words = [text.get_text() for text in legend.get_legend().get_texts()]
    assert words[3:] == ["the model's step", "the most frequent class", "95% interval of the model"]


def test_the_legend_names_only_what_is_drawn(tmp_path, drawn):
    draw_learning_curves(LOG, PARTS, tmp_path / "curves.png")
    assert len(drawn[0].axes[2].get_legend().get_texts()) == 3


def test_marks_are_from_the_reports(tmp_path, drawn):
    reports = {
        "sentiment": {"confusion_matrix": [[1, 2], [0, 1]], "intervals": {"accuracy": [0.3, 0.5]}},
        "overall score": {"interval": None},
    }
    parts = {"sentiment": ScorePart("accuracy", auxiliary=True)}
    draw_figures({}, {"sentiment": None}, reports, LOG, tmp_path, parts, 20)
    _, _, accuracy, overall = drawn[0].axes
    assert set(accuracy.lines[-2].get_ydata()) == {0.75}
    assert len(accuracy.patches) == 1 and not overall.patches


PAIRS = {"gradient_cosine/a/b": "a, b", "gradient_cosine/a/c": "a, c"}
COSINES = [
    {
        "step": step,
        "gradient_cosine/a/b": 0.01,
        "gradient_cosine/a/c": -0.02,
        "gradient_cosine/a/c/embeddings": 0.3,
        "gradient_cosine/a/c/layer_0": -0.5,
    }
    for step in (10, 20, 30)
]


def test_cosines_have_a_fixed_scale(tmp_path, drawn):
    draw_gradient_cosines(COSINES, PAIRS, tmp_path / "cosines.png")
    axes = drawn[0].axes[0]
    assert axes.get_ylim() == (-1, 1)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a, b", "a, c"]


def test_cosines_of_layers_are_a_map_over_time(tmp_path, drawn):
    draw_gradient_cosines(COSINES, PAIRS, tmp_path / "cosines.png")
    _, layers, bar = drawn[0].axes
    assert layers.get_title() == "a, c"
    (image,) = layers.images
    assert image.get_array().tolist() == [[0.3] * 3, [-0.5] * 3]
    assert image.get_clim() == (-1, 1) and bar.get_ylabel() == "cosine"
    assert [text.get_text() for text in layers.get_yticklabels()] == ["embeddings", "layer 0"]
    assert image.get_extent()[:2] == [0, 30]


def test_of_many_pairs_the_layers_of_the_strongest_conflicts_are_drawn(tmp_path, drawn):
    names = [f"gradient_cosine/a/{i}" for i in range(9)]
    entry = {name: i / 10 for i, name in enumerate(names)}
    log = [{"step": 1, **entry, **{f"{name}/layer_0": 0.0 for name in names}}]
    draw_gradient_cosines(log, {name: name[-1] for name in reversed(names)}, tmp_path / "c.png")
    assert [axes.get_title() for axes in drawn[0].axes[1:-1]] == list("012345")
