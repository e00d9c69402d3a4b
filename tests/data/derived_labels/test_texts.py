from collections import Counter

from datasets import Dataset

from trainer.data.derived_labels.source import SOURCE
from trainer.data.derived_labels.texts import sample, texts_by_task

MOOD = Dataset.from_dict({"text": ["a film", "a play", "a film"], "label": [0, 1, 0]})
SAME = Dataset.from_dict(
    {"text": ["why ?", "a play"], "text_pair": ["how ?", "why ?"], "label": [0, 1]}
)
WORDS = Dataset.from_dict({"text": [["how", "?"], ["so", "so"]], "label": [[0, 1], [1, 0]]})


def test_each_text_comes_once_with_its_tasks_and_pairs_give_both_sides():
    assert texts_by_task({"mood": MOOD, "same": SAME}) == {
        "a film": ["mood"],
        "a play": ["mood", "same"],
        "why ?": ["same"],
        "how ?": ["same"],
    }


def test_lists_of_words_are_texts_too():
    assert texts_by_task({"same": SAME, "tags": WORDS})["how ?"] == ["same", "tags"]


def test_source_labels_are_the_task_without_texts_of_several():
    made = SOURCE.make(texts_by_task({"mood": MOOD, "same": SAME}), ["mood", "same"], "toy")
    assert made.rows["text"][:] == ["a film", "why ?", "how ?"]
    assert made.rows["label"][:] == [0, 1, 1]
    assert made.dropped == {"text of several tasks": 1}


def test_a_sample_takes_evenly_from_the_tasks():
    texts = {
        f"{task} {i}": [task] for task, n in (("a", 900), ("b", 50), ("c", 5)) for i in range(n)
    }
    found = sample(texts, 45, [1, 2])
    assert Counter(task for (task,) in found.values()) == {"a": 20, "b": 20, "c": 5}
    assert list(found) == [text for text in texts if text in found], "the order is the texts' own"
    assert sample(texts, 45, [1, 2]) == found
    assert sample(texts, 45, [1, 3]) != found
    assert sample(texts, 955, [1, 2]) is texts
    assert sample(texts, None, [1, 2]) is texts
