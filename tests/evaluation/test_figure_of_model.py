"""The diagram of a model."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from trainer.evaluation import DrawnTask, count_text, draw_model

ENCODER = ["encoder: bert", "6 layers of 384 units"]
MOOD = DrawnTask("mood", "one text", "5 classes", "1.2K parameters")


def picture(path, *tasks):
    draw_model(ENCODER, list(tasks), path)
    return imread(path)


def test_every_task_has_a_row(tmp_path):
    one = picture(tmp_path / "deep" / "one.png", MOOD)
    tasks = [DrawnTask(f"task{i}", "one text", "score, 0 to 5", "none") for i in range(6)]
    six = picture(tmp_path / "six.png", *tasks)
    assert six.shape[0] > 2 * one.shape[0] and six.shape[1] == one.shape[1]


def test_an_adapter_changes_the_picture(tmp_path):
    plain = picture(tmp_path / "a.png", MOOD)
    adapted = picture(tmp_path / "b.png", replace(MOOD, adapter="LoRA"))
    assert plain.shape == adapted.shape and not np.array_equal(plain, adapted)


def test_names_are_drawn_as_they_are(tmp_path, monkeypatch):
    figures, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k))
    )
    # Dollar signs would be formulas, and a broken one an error.
    picture(tmp_path / "a.png", DrawnTask("$x_{$" * 20, "$\\frac$", "$$", "$1$", "$_$"))
    signs = [text for text in figures[0].findobj(Text) if "$" in text.get_text()]
    assert len(signs) >= 2 and not any(text.get_parse_math() for text in signs)


def test_a_model_without_tasks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one task"):
        picture(tmp_path / "a.png")


def test_counts_are_short():
    counts = [0, 950, 1200, 22_713_216, 1_340_000_000]
    assert [count_text(c) for c in counts] == ["0", "950", "1.2K", "22.7M", "1.3B"]


def test_a_head_names_its_input_in_the_same_color(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, path, **_: figures.append(figure) or path.touch()
    )
    pair = DrawnTask("near", "two texts", "cosine", "no weights of its own")
    draw_model(ENCODER, [MOOD, pair], tmp_path / "a.png")
    axes = figures[0].axes[0]
    boxes = zip(
        (text.get_text() for text in axes.texts if text.get_text()), axes.patches, strict=True
    )
    colors = {text: box.get_edgecolor() for text, box in boxes}
    for name in ("one text", "two texts"):
        (head,) = [text for text in colors if f"from {name}" in text]
        assert colors[head] == colors[name]
    assert colors["one text"] != colors["two texts"]
