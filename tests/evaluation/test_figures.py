import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.evaluation.drawn import LOG, PARTS, size_of
from trainer.errors import InputError
from trainer.evaluation.figure_of_calibration import draw_calibration
from trainer.evaluation.figures import draw_confusion_matrix, draw_scatter
from trainer.evaluation.figures_of_training import draw_learning_curves
from trainer.evaluation.report import classification_report


@pytest.mark.parametrize("classes", [2, 5, 30])
def test_confusion_matrix(tmp_path, drawn, classes):
    labels = np.arange(200) % classes
    predictions = (np.arange(200) * 7) % classes
    names = [f"class_{index} $" for index in range(classes)]
    path = tmp_path / "new" / "matrix.png"
    draw_confusion_matrix(classification_report(predictions, labels, names), "costs $5 or $6", path)
    assert all(400 <= side <= 2100 for side in size_of(path))
    axes = drawn[0].axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == names
    assert len(axes.texts) == (classes**2 if classes <= 20 else 0)


def test_scatter(tmp_path, drawn):
    generator = np.random.default_rng(0)
    true = generator.uniform(0, 5, 1500)
    path = tmp_path / "scatter.png"
    draw_scatter(true + generator.normal(0, 1, 1500), true, (0, 5), "similarity", path)
    assert all(400 <= side <= 1000 for side in size_of(path))
    axes = drawn[0].axes[0]
    assert len(axes.collections[0].get_offsets()) == 1500
    assert "0 to 5" in axes.get_xlabel()


def test_perfect_predictions_have_their_bands_on_the_diagonal(tmp_path, drawn):
    true = np.array([0.0, 0.2, 3.1, 5.0])
    draw_scatter(true, true, (0, 5), "similarity", tmp_path / "scatter.png")
    bands = drawn[0].axes[0].lines[1].get_xydata()
    assert bands[:, 0].tolist() == bands[:, 1].tolist() == pytest.approx([0.1, 3.1, 5.0])


def test_an_error_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "curves.png"
    path.write_text("old")

    def fail(figure, target, **kwargs):
        target.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(InputError, match="curves.png.* could not be written: disk full"):
        draw_learning_curves(LOG, PARTS, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_importing_the_package_is_cheap():
    code = (
        "import sys, trainer.evaluation\n"
        "heavy = {'matplotlib', 'evaluate', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_reliability_diagram_has_a_panel_for_each_task(tmp_path, drawn):
    bins = [
        {"from": 0.4, "to": 0.5, "count": 30, "mean_score": 0.45, "accuracy": 0.6},
        {"from": 0.9, "to": 1.0, "count": 10, "mean_score": 0.97, "accuracy": 0.8},
    ]
    draw_calibration(
        {"mood $x$": {"ece": 0.2, "bins": bins}, "topics": {"ece": 0.1, "bins": bins}},
        tmp_path / "calibration.png",
    )
    first, second = drawn[0].axes
    assert first.get_title() == "mood $x$\ncalibration error 0.200"
    assert second.get_title().endswith("0.100")
    points = first.lines[1].get_xydata().tolist()
    assert points == [[0.45, 0.6], [0.97, 0.8]]
    assert first.get_xlabel() and first.get_ylabel()
    many = {f"task {i}": {"ece": 0.1, "bins": bins} for i in range(6)}
    draw_calibration(many, tmp_path / "many.png")
    width, height = size_of(tmp_path / "many.png")
    assert width < 2 * height
    assert [axes.get_title() for axes in drawn[1].axes].count("") == 2
