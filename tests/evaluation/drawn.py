"""A log to draw, and the size of what was drawn."""

import struct

from trainer.evaluation.overall import ScorePart

PARTS = {"sentiment": ScorePart("accuracy"), "similarity": ScorePart("pearson")}
LOG = [
    {"step": 10, "loss": 2.0, "loss/sentiment": 1.6, "loss/similarity": 2.1},
    {"step": 20, "loss": 1.5, "loss/sentiment": 1.3},
    {"step": 20, "eval_sentiment_loss": 1.4, "eval_sentiment_accuracy": 0.4},
    {"step": 20, "eval_similarity_loss": 1.4, "eval_similarity_pearson": 0.2},
    {"step": 20, "eval_overall": 0.5},
    {"step": 20, "eval_overall": 0.9},
]


def size_of(path):
    """Return width and height in pixels, from the header of a PNG."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:24])
