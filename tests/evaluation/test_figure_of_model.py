"""The picture of a model."""

import numpy as np
import pytest
from matplotlib.image import imread

from trainer.evaluation import DrawnTask, count_text, draw_model

ENCODER = ["encoder: bert", "6 layers of 384 units"]
MOOD = DrawnTask("mood", "one text", "5 classes", 1200)


def picture(path, *tasks):
    draw_model(ENCODER, list(tasks), path)
    return imread(path)


def test_every_task_has_its_place(tmp_path):
    one = picture(tmp_path / "deep" / "one.png", MOOD)
    tasks = [DrawnTask(f"task{i}", "one text", "score, 0 to 5", i) for i in range(6)]
    six = picture(tmp_path / "six.png", *tasks)
    assert six.shape[0] > 2 * one.shape[0] and six.shape[1] == one.shape[1]


def test_an_adapter_changes_the_picture(tmp_path):
    plain = picture(tmp_path / "a.png", MOOD)
    adapted = picture(tmp_path / "b.png", DrawnTask("mood", "one text", "5 classes", 1200, "LoRA"))
    assert plain.shape == adapted.shape and not np.array_equal(plain, adapted)


def test_names_are_drawn_as_they_are(tmp_path):
    # Dollar signs would be formulas, and a broken one an error.
    picture(tmp_path / "a.png", DrawnTask("$x_{$" * 20, "$\\frac$", "$$", 10**9, "$_$"))


def test_a_model_without_tasks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one task"):
        picture(tmp_path / "a.png")


def test_counts_are_short():
    counts = [0, 950, 1200, 22_713_216, 1_340_000_000]
    assert [count_text(c) for c in counts] == ["0", "950", "1.2K", "22.7M", "1.3B"]
