"""Metrics of ranking: sentence-transformers' values, and ranks by hand."""

import json

import numpy as np
import pytest

from trainer.evaluation import bootstrap_task, compute_task_metrics, main_metric, ranking_report
from trainer.evaluation import match_ranks as module
from trainer.evaluation.match_ranks import match_ranks
from trainer.evaluation.ranking import draw_recall

RANDOM = np.random.default_rng(4)
COUNT, WIDTH = 150, 8
QUERIES = RANDOM.normal(size=(COUNT, WIDTH))
VECTORS = np.stack([QUERIES, QUERIES + 1.2 * RANDOM.normal(size=(COUNT, WIDTH))], axis=1)
LABELS = np.stack([np.arange(COUNT), 1000 + np.arange(COUNT), np.ones(COUNT, int)], axis=1)


def by_angle(*degrees):
    """Vectors (N, 2, 2) of pairs of angles."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=-1)


def test_metrics_are_those_of_sentence_transformers():
    evaluation = pytest.importorskip("sentence_transformers.evaluation")
    texts = [(str(a), str(b)) for a, b, _ in LABELS]
    theirs = evaluation.InformationRetrievalEvaluator(
        {a: a for a, _ in texts},
        {b: b for _, b in texts},
        {a: {b} for a, b in texts},
        precision_recall_at_k=[1, 10],
        mrr_at_k=[10],
    )
    scores = theirs.compute_metrics(
        [
            [
                {"corpus_id": texts[j][1], "score": score}
                for j, score in enumerate(
                    query @ VECTORS[:, 1].T / np.linalg.norm(VECTORS[:, 1], axis=1)
                )
            ]
            for query in VECTORS[:, 0]
        ]
    )
    found = compute_task_metrics("ranking", VECTORS, LABELS)
    assert list(found) == ["mrr_at_10", "recall_at_1", "recall_at_10"]
    assert 0.2 < found["recall_at_1"] < found["recall_at_10"] < 1
    assert found["mrr_at_10"] == pytest.approx(scores["mrr@k"][10])
    assert found["recall_at_1"] == pytest.approx(scores["recall@k"][1])
    assert found["recall_at_10"] == pytest.approx(scores["recall@k"][10])
    assert main_metric("ranking") == "mrr_at_10"


def test_ranks_leave_out_other_matches_and_the_query_itself():
    vectors = by_angle([0, 10], [0, 20], [0, 5], [90, 0], [40, 15])
    labels = np.array([[1, 11, 1], [1, 12, 1], [1, 13, 0], [2, 1, 1], [3, 11, 0]])
    # Text 1 is the query of the first rows and the candidate of the fourth. Rows that do not match
    # have candidates, but no rank.
    assert match_ranks(vectors, labels).tolist() == [2, 2, 4]


def test_equal_candidates_count_once_and_equal_scores_share_their_mean_rank():
    same = np.ones((4, 2, 3))
    labels = np.array([[1, 11, 1], [2, 12, 1], [3, 13, 1], [4, 13, 1]])
    assert match_ranks(same, labels).tolist() == [2, 2, 2, 2]


def test_blocks_do_not_change_the_ranks(monkeypatch):
    expected = match_ranks(VECTORS, LABELS)
    monkeypatch.setattr(module, "_SCORES_PER_BLOCK", 7 * COUNT)
    assert match_ranks(VECTORS, LABELS).tolist() == expected.tolist()


def test_intervals_contain_the_metrics():
    drawn = bootstrap_task("ranking", VECTORS, LABELS)
    for name, value in compute_task_metrics("ranking", VECTORS, LABELS).items():
        low, high = drawn.intervals()[name]
        assert low < value < high
        assert high - low == pytest.approx(0.15, abs=0.05)


def test_a_report_and_its_figure(tmp_path):
    report = json.loads(json.dumps(ranking_report(VECTORS, LABELS)))
    metrics = compute_task_metrics("ranking", VECTORS, LABELS)
    assert report["matches"] == report["queries"] == report["candidates"] == COUNT
    assert report["recall_at"]["1"] == metrics["recall_at_1"]
    assert report["recall_at"]["10"] == metrics["recall_at_10"]
    draw_recall(report, "search", tmp_path / "search.png")
    assert (tmp_path / "search.png").is_file()


def test_rows_without_a_match_are_refused():
    labels = LABELS * [1, 1, 0]
    with pytest.raises(ValueError, match="measured on rows whose texts match; there is none"):
        compute_task_metrics("ranking", VECTORS, labels)
    with pytest.raises(ValueError, match=r"got shapes \(150, 8\) and \(150, 3\)"):
        compute_task_metrics("ranking", VECTORS[:, 0], LABELS)
