from datasets import Dataset

from modeling_hybrid_mtl import TaskConfig
from trainer.data.summary import summarize

MOOD = TaskConfig("classification", labels=["bad", "ok", "good"])
TAGS = TaskConfig("token_classification", labels=["O", "PER"])
STARS = TaskConfig("regression", score_range=[1, 5])


def rows(lengths, labels, truncated=0):
    cut = [i < truncated for i in range(len(lengths))]
    return Dataset.from_dict({"length": lengths, "truncated": cut, "labels": labels})


def test_rows_lengths_truncated_texts_and_classes_are_listed():
    train = rows([3, 5, 9, 20], [0, 2, 2, 2], truncated=1)
    text = summarize({"mood": MOOD}, {"train": {"mood": train}, "validation": {"mood": train}})
    lines = [line.split() for line in text.splitlines()]
    assert lines[2] == ["mood", "train", "4", "7", "18", "20", "25.0%"]
    assert lines[3][:3] + lines[3][-3:] == ["good", "3,", "bad", "training", "row:", "ok"]
    assert lines[4][:3] == ["mood", "validation", "4"]


def test_words_are_counted_by_tag_and_scores_have_no_classes():
    tags = rows([4, 4], [[-100, 0, 1, -100], [-100, 0, 0, -100]])
    text = summarize({"ner": TAGS, "stars": STARS}, {"train": {"ner": tags, "stars": tags}})
    assert text.splitlines()[3].strip() == "O 3, PER 1"
    assert len(text.splitlines()) == 5


def test_of_many_classes_the_most_frequent_are_listed():
    many = TaskConfig("classification", labels=[f"c{i}" for i in range(12)])
    train = rows([1] * 14, [*range(12), 11, 11])
    text = summarize({"mood": many}, {"train": {"mood": train}})
    assert "c11 3, c0 1" in text and "and 4 more with 4" in text
