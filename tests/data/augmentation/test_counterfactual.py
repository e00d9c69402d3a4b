import pytest
from datasets import Dataset

from modeling_hybrid_mtl import TaskConfig
from trainer.data.augmentation import TaskAugmentation, augment
from trainer.errors import InputError

PAIRS = Dataset.from_dict(
    {
        "text": ["A woman sings.", "It rains.", "Emma and a man talk."],
        "text_pair": ["The woman is loud.", "It pours.", "Two talk: Emma, a man."],
        "label": [0, 1, 1],
    }
)


def test_rows_with_a_term_get_copies_with_another_alike_on_both_sides():
    rows = augment("same", PAIRS, TaskAugmentation([{"method": "counterfactual"}]), seed=1)
    assert rows["label"][3:] == [0, 1]
    first, last = rows[3], rows[4]
    assert (first["text"], first["text_pair"]) in {
        ("A man sings.", "The man is loud."),
        ("A non-binary person sings.", "The non-binary person is loud."),
    }
    name = last["text"].split()[0]
    assert name != "Emma" and name in last["text_pair"] and "Emma" not in last["text_pair"]


def test_axes_and_a_file_of_terms_are_options(tmp_path):
    steps = [{"method": "counterfactual", "axes": "first_name, age"}]
    rows = augment("same", PAIRS, TaskAugmentation(steps), seed=1)
    assert len(rows) == 4 and "a man talk" in rows[3]["text"]
    path = tmp_path / "terms.yaml"
    path.write_text("axes:\n  weather:\n    rain: {person: rains}\n    snow: {person: snows}\n")
    steps = [{"method": "counterfactual", "terms": str(path)}]
    assert augment("same", PAIRS, TaskAugmentation(steps), seed=1)["text"][3:] == ["It snows."]


def test_wrong_options_are_refused_and_pairs_are_allowed():
    pair = TaskConfig.from_entry(
        "same", {"kind": "classification", "input": "pair", "labels": ["a", "b"]}
    )
    TaskAugmentation([{"method": "counterfactual"}]).check(pair)
    with pytest.raises(InputError, match="counterfactual: axes: there is no axis 'agee'"):
        TaskAugmentation([{"method": "counterfactual", "axes": "agee"}]).check(pair)
    with pytest.raises(InputError, match="expected names, separated by commas"):
        TaskAugmentation([{"method": "counterfactual", "axes": ["age"]}]).check(pair)
    with pytest.raises(InputError, match="could not be read"):
        TaskAugmentation([{"method": "counterfactual", "terms": "/none.yaml"}]).check(pair)
