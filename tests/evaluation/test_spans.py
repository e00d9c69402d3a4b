"""Spans of tags and their F1, with the values of seqeval 1.2.2."""

import numpy as np
import pytest

from trainer.evaluation import bootstrap_task, compute_task_metrics, main_metric
from trainer.evaluation.metrics import metrics_of
from trainer.evaluation.spans import find_spans, has_spans, span_counts

LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
OUT, BP, IP, BL, IL = range(5)


def random_tags(seed, rows=60, length=8):
    """True and predicted tags, and the row of each word."""
    random = np.random.default_rng(seed)
    true = random.choice(5, rows * length, p=[0.4, 0.2, 0.15, 0.15, 0.1])
    predicted = np.where(random.random(len(true)) < 0.8, true, random.integers(0, 5, len(true)))
    return true, predicted, np.repeat(np.arange(rows), length)


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ([BP, IP, OUT, BL], {(0, 1, "PER"), (3, 3, "LOC")}),
        ([BP, BP, IP], {(0, 0, "PER"), (1, 2, "PER")}),
        ([IP, IP, OUT], {(0, 1, "PER")}),  # without a beginning
        ([BP, IL, IL], {(0, 0, "PER"), (1, 2, "LOC")}),  # another type
        ([BL, IP, IL], {(0, 0, "LOC"), (1, 1, "PER"), (2, 2, "LOC")}),
        ([OUT, OUT], set()),
    ],
)
def test_spans_are_those_of_the_conll_evaluation(tags, spans):
    found = find_spans(np.array(tags), np.zeros(len(tags), int), LABELS)
    assert found == {(0, *span) for span in spans}


def test_a_span_ends_with_its_row():
    found = find_spans(np.array([BP, IP, IP]), np.array([0, 0, 4]), LABELS)
    assert found == {(0, 0, 1, "PER"), (4, 2, 2, "PER")}


def test_labels_mark_spans_with_their_prefixes():
    assert has_spans(LABELS) and has_spans(["I-X", "O"])
    for labels in (None, ["NOUN", "VERB"], ["O", "N"], ["B-X", "I-X"], ["O", "B-X", "E-X"]):
        assert not has_spans(labels)


def test_span_f1_is_the_main_metric_of_such_labels_only():
    assert main_metric("token_classification", LABELS) == "span_f1"
    assert metrics_of("token_classification", ["O", "N"]) == ("accuracy", "f1")
    assert metrics_of("classification", LABELS) == ("accuracy", "f1")


def test_the_f1_counts_spans_that_are_right_as_a_whole():
    true, predicted = np.array([BP, IP, OUT, BL, OUT]), np.array([BP, OUT, OUT, BL, BP])
    found = compute_task_metrics(
        "token_classification", predicted, true, num_labels=5, label_names=LABELS
    )
    # One of 3 predicted and of 2 true spans.
    assert found["span_f1"] == pytest.approx(2 / 5) and found["accuracy"] == 3 / 5
    none = compute_task_metrics(
        "token_classification", [OUT], [OUT], num_labels=5, label_names=LABELS
    )
    assert none["span_f1"] == 0


@pytest.mark.parametrize(("seed", "f1"), [(1, 0.7668593448940271), (2, 0.7530364372469635)])
def test_the_f1_is_that_of_seqeval(seed, f1):
    true, predicted, rows = random_tags(seed)
    found = compute_task_metrics(
        "token_classification", predicted, true, num_labels=5, label_names=LABELS, rows=rows
    )
    assert found["span_f1"] == pytest.approx(f1, abs=1e-12)


def test_the_interval_is_of_drawn_rows():
    true, predicted, rows = random_tags(3)
    drawn = bootstrap_task(
        "token_classification", predicted, true, num_labels=5, label_names=LABELS, rows=rows
    )
    whole = compute_task_metrics(
        "token_classification", predicted, true, num_labels=5, label_names=LABELS, rows=rows
    )
    assert list(drawn.values) == ["span_f1", "accuracy", "f1"]
    low, high = drawn.intervals()["span_f1"]
    assert low < whole["span_f1"] < high
    assert drawn.values["span_f1"].mean() == pytest.approx(whole["span_f1"], abs=0.01)
    spans = [find_spans(tags, rows, LABELS) for tags in (predicted, true)]
    counts = span_counts(*spans, rows)
    assert counts.sum(axis=0).tolist() == [len(spans[0] & spans[1]), *map(len, spans)]
