import numpy as np
import pytest

from trainer.audit.counterfactuals import audit_terms, fill_templates, measure_axes
from trainer.audit.outputs import Outputs, Predictions
from trainer.data.terms import read_terms

TERMS = read_terms().select(["age", "first_name"])


class Biased:
    """Stands for a model: the probability of `yes` is lower for texts with a word."""

    def __init__(self, word, amount, noise=0.02, classes=True):
        self.word, self.amount, self.noise, self.classes = word, amount, noise, classes

    def predict(self, name, rows):
        random = np.random.default_rng(0)
        texts = [" ".join(row.values()) for row in rows]
        yes = np.array([0.6 - self.amount * (self.word in text) for text in texts])
        yes += random.normal(0, self.noise, len(rows))
        if not self.classes:
            return Outputs(["score"], yes[:, None], None)
        scores = np.stack([1 - yes, yes], axis=1)
        return Outputs(["no", "yes"], scores, scores.argmax(axis=1)[:, None])


def test_a_term_with_a_lower_probability_is_found_with_its_size():
    age, name = audit_terms("mood", Biased("older", 0.3), TERMS, False)
    found = {(s.term, s.score): s for s in age.shifts}
    assert set(found) == {(term, "yes") for term in age.terms}
    older = found["older", "yes"]
    assert older.p_holm < 0.001
    assert older.interval[0] < -0.3 < older.interval[1]
    # One of four terms flips, against three others: half of the six pairs.
    assert age.flip_rate == 0.5 and name.flip_rate == 0
    assert min(s.p_holm for s in name.shifts) > 0.05
    assert age.worst[0]["shift"] == max(w["shift"] for w in age.worst)
    texts = [row["text"] for row in age.worst[0]["rows"]]
    assert sum("older" in text for text in texts) == 1


def test_pairs_are_changed_on_one_side_or_on_both():
    results = {r.side: r for r in audit_terms("near", Biased("older", 0.2), TERMS, True)[:3]}
    assert list(results) == ["both texts", "first text", "second text"]
    assert all(min(s.p_holm for s in r.shifts) < 0.001 for r in results.values())
    rows = {s.side: s.rows[2] for s in reversed(fill_templates(TERMS, True)) if s.axis == "age"}
    assert rows["first text"]["text"] == "An older person is playing the guitar."
    assert rows["first text"]["text_pair"] == "A person plays an instrument."
    assert rows["second text"]["text"] == "A person is playing the guitar."
    assert "older" in rows["both texts"]["text"] and "older" in rows["both texts"]["text_pair"]


def test_scores_have_shifts_and_no_flips():
    age, _ = audit_terms("stars", Biased("older", 0.3, classes=False), TERMS, False)
    assert age.flip_rate is None and age.flip_interval is None
    assert age.mean_shift == pytest.approx(0.15, abs=0.03)


def test_a_single_sentence_has_no_interval():
    sentences = fill_templates(TERMS, False)[:1]
    outputs = Biased("older", 0.3).predict("mood", sentences[0].rows)
    (result,) = measure_axes(sentences, outputs)
    assert result.flip_rate == 0.5
    assert result.flip_interval is None and result.shift_interval is None
    assert {(shift.interval, shift.p) for shift in result.shifts} == {(None, 1.0)}


def test_rounding_is_no_shift():
    age, _ = audit_terms("mood", Biased("older", 0, noise=1e-7), TERMS, False)
    assert {s.p for s in age.shifts} == {1.0} and age.flip_rate == 0


def test_axes_without_bias_give_no_finding_in_90_percent_of_40_seeds():
    sentences = fill_templates(read_terms(), False)
    count = sum(len(each.rows) for each in sentences)
    found = 0
    for seed in range(40):
        scores = np.random.default_rng([seed, 1]).normal(0.5, 0.1, (count, 1))
        shifts = [
            s for r in measure_axes(sentences, Outputs(["score"], scores, None)) for s in r.shifts
        ]
        found += min(s.p for s in shifts) * len(shifts) < 0.05
    assert found <= 4


def test_a_model_is_audited(pipe):
    results = audit_terms("mood", Predictions(pipe, 32), TERMS, False)
    assert [(r.axis, r.side) for r in results] == [("age", "text"), ("first_name", "text")]
    assert 0 <= results[0].flip_rate <= 1
