import numpy as np
import pytest

from trainer.audit.behavior import DIFFERENT, HIGHER, INVARIANT, LOWER, NOT_CHECKED, check_behavior
from trainer.audit.outputs import Outputs, Predictions
from trainer.data.terms import read_terms

TEXTS = ["It is 12 o'clock.", "Emma is in the garden.", "We saw the garden.", "It was wonderful."]
ROWS = [{"text": text} for text in TEXTS]
PAIRS = [{"text": text, "text_pair": other} for text, other in zip(TEXTS, TEXTS[::-1], strict=True)]
PLACES = ["1", "2", "3", "4"]


class Toy:
    """Predicts `yes`, or a high score, where a rule of a row holds."""

    def __init__(self, rule, classes):
        self.rule, self.classes = rule, classes

    def is_score(self, name):
        return not self.classes

    def predict(self, name, rows):
        yes = np.array([float(self.rule(row)) for row in rows])
        if not self.classes:
            return Outputs(["score"], yes[:, None], None)
        scores = np.stack([1 - yes, yes], axis=1)
        return Outputs(["no", "yes"], scores, scores.argmax(axis=1)[:, None])


def check(rule, rows, classes=True):
    results = check_behavior("task", Toy(rule, classes), rows, PLACES, read_terms())
    return {result.name: result for result in results}


def test_a_model_that_reads_numbers_and_names_fails_there_only():
    found = check(lambda row: "12" in row["text"] or "Emma" in row["text"], ROWS)
    assert (found["other number"].rows, found["other number"].failed) == (1, 1)
    assert (found["other first name"].rows, found["other first name"].failed) == (1, 1)
    assert found["other number"].worst == [
        {"row": "1", "predictions": ["yes (1.00)", "no (1.00)"], "shift": 1.0}
    ]
    assert (found["negation"].rows, found["negation"].failed) == (3, 0)
    assert found["negation"].expected == NOT_CHECKED
    assert found["typing error"].rows == 4 and found["typing error"].expected == INVARIANT


def test_pairs_have_checks_of_order_of_themselves_and_of_negations():
    def is_equal(row):
        return row["text"] == row["text_pair"]

    found = check(is_equal, PAIRS)
    assert found["exchanged texts"].failed == 0 and found["exchanged texts"].rows == 4
    assert found["negated text"].failed == 0 and found["negated text"].expected == DIFFERENT
    assert found["text with itself"].failed == 4  # changes, without expectation
    scores = check(is_equal, PAIRS, classes=False)
    assert (
        scores["text with itself"].expected == HIGHER and scores["negated text"].expected == LOWER
    )
    assert all(result.failed == 0 for result in scores.values())
    constant = check(lambda row: 0.5, PAIRS, classes=False)
    assert constant["negated text"].failed == constant["negated text"].rows == 3
    first = check(lambda row: row["text"] > row["text_pair"], PAIRS)
    assert first["exchanged texts"].failed == 4


def test_a_small_change_of_a_score_is_none():
    found = check(lambda row: 0.5 + 0.09 * ("12" in row["text"]), ROWS, classes=False)
    assert found["other number"].failed == 0
    assert found["other number"].mean_shift == pytest.approx(0.09)


def test_a_check_without_rows_says_so():
    found = check_behavior("task", Toy(bool, True), ROWS[2:3], PLACES, read_terms())
    number = next(result for result in found if result.name == "other number")
    assert number.rows == 0 and number.interval is None and number.mean_shift is None


def test_a_model_is_checked(pipe):
    names = [
        r.name for r in check_behavior("near", Predictions(pipe, 8), PAIRS, PLACES, read_terms())
    ]
    assert names == [
        "typing error",
        "other number",
        "other first name",
        "exchanged texts",
        "text with itself",
        "negated text",
    ]
