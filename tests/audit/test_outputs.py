import numpy as np
import pytest

from trainer.audit.outputs import Outputs, Predictions

ROWS = [{"text": text} for text in ("a good film", "the bad play", "good")]
PAIRS = [{**row, "text_pair": "a bad film"} for row in ROWS]


@pytest.fixture
def predict(pipe):
    return Predictions(pipe, 2).predict


def test_the_decisions_and_scores_are_those_of_the_pipeline(pipe, predict):
    outputs = predict("mood", ROWS)
    for row, expected in enumerate(pipe([row["text"] for row in ROWS], task="mood")):
        index = outputs.decisions[row, 0]
        assert outputs.names[index] == expected["label"]
        assert outputs.scores[row, index] == pytest.approx(expected["score"], abs=1e-6)
    topics = predict("topics", ROWS)
    for row, expected in enumerate(pipe([row["text"] for row in ROWS], task="topics")):
        chosen = [name for name, on in zip(topics.names, topics.decisions[row], strict=True) if on]
        assert set(chosen) == {entry["label"] for entry in expected}


def test_scores_are_shares_of_the_range(pipe, predict):
    outputs = predict("near", PAIRS)
    assert outputs.decisions is None
    expected = [entry["score"] / 5 for entry in pipe(PAIRS, task="near")]
    assert outputs.scores[:, 0] == pytest.approx(expected, abs=1e-6)


def test_flips_and_shifts_compare_rows():
    one = Outputs(["a", "b"], np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([[0], [1]]))
    other = Outputs(["a", "b"], np.array([[0.2, 0.8], [0.3, 0.7]]), np.array([[1], [1]]))
    assert one.flips(other).tolist() == [True, False]
    assert one.shifts(other) == pytest.approx([0.7, 0.1])
    assert one.describe(1) == "b (0.60)"
    assert one.select([1]).flips(other.select([1])).tolist() == [False]
