"""Lines of an answer log, for a model of the tasks in tests/monitoring/simulated.py."""

import json
from datetime import UTC, datetime

START = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
DAY = 86_400


def answer(seconds=0.0, task="mood", label="good", **fields):
    is_score = task == "near"
    return {
        "event": "answer",
        "id": "a1",
        "time": datetime.fromtimestamp(START + seconds, UTC).isoformat(),
        "task": task,
        "label": None if is_score else label,
        "score": 2.5 if is_score else 0.9,
        "confidence": None if is_score else 0.9,
        "tokens": 9,
        "truncated": False,
        "unknown": 0.0,
        "version": "v1",
        **fields,
    }


def feedback(seconds=0.0, task="mood", label="bad", **fields):
    kept = ("id", "time", "task", "version")
    common = {name: value for name, value in answer(seconds, task).items() if name in kept}
    return {**common, "event": "feedback", "label": label, **fields}


def write_log(path, records):
    with path.open("a") as file:
        file.writelines(f"{json.dumps(record)}\n" for record in records)
    return path


def day_of(random, day, count, shares=(0.2, 0.3, 0.5), **fields):
    """Answers of a day, spread over it, in their order."""
    labels = random.choice(["bad", "so-so", "good"], count, p=shares)
    return [
        answer(
            day * DAY + index * DAY / count,
            label=str(label),
            id=f"{day}-{index}",
            confidence=float(random.beta(5, 2)),
            tokens=int(3 + random.gamma(4.0, 5)),
            **fields,
        )
        for index, label in enumerate(labels)
    ]
