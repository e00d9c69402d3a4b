"""Simulated answers of two tasks, as arrays: of classes and of scores."""

import numpy as np

from trainer.monitoring.answers import Answers, TaskKind
from trainer.monitoring.reference import Reference, TaskReference, rates_of

LABELS = ("bad", "so-so", "good")
SHARES = (0.2, 0.3, 0.5)
WIDTH = 16
MOOD, NEAR = TaskKind(LABELS), TaskKind()


def mood(random, n, *, shares=SHARES, length=20.0, topic=0.0, group_shares=None, vectors=True):
    """Answers of classes; 30% are of the region "south", which may have shares of its own."""
    region = np.where(random.random(n) < 0.3, "south", "north")
    classes = random.choice(3, n, p=shares)
    if group_shares is not None:
        south = region == "south"
        classes[south] = random.choice(3, int(south.sum()), p=group_shares)
    tokens = 3 + random.gamma(4.0, length / 4, n).astype(int)
    return Answers(
        np.eye(3, dtype=bool)[classes],
        {
            "score": np.full(n, np.nan),
            "confidence": random.beta(5, 2, n),
            "tokens": np.minimum(tokens, 64.0),
            "unknown": np.where(random.random(n) < 0.1, random.random(n) * 0.2, 0.0),
        },
        tokens > 64,
        {"region": region},
        random.normal(size=(min(n, 500), WIDTH)) + topic if vectors else None,
    )


def near(random, n):
    """Answers of scores, without groups and vectors."""
    none = np.full(n, np.nan)
    numbers = {"score": random.random(n) * 5, "confidence": none}
    numbers |= {"tokens": random.integers(4, 40, n).astype(float), "unknown": np.zeros(n)}
    return Answers(np.zeros((n, 0), dtype=bool), numbers, np.zeros(n, dtype=bool))


def make_reference(random, n=1000):
    answers = mood(random, n)
    tasks = {
        "mood": TaskReference(MOOD, rates_of(answers, 800, n), {}, answers.vectors),
        "near": TaskReference(NEAR, rates_of(near(random, n))),
    }
    return Reference("v1", tasks)
