"""From a task's entry to the rows that training sees."""

import re

import pytest
from datasets import Dataset

from modeling_hybrid_mtl.registry_hybrid_mtl import Entry
from tests.data.augmentation.toy_wordnet import ToyWordNet
from tests.toys import toy_backbone_config, toy_data
from trainer.cards.hyperparameters import _augmentation
from trainer.config.parser import parse
from trainer.config.tasks import read_tasks
from trainer.data.augmentation import Copier, TaskAugmentation, augment, methods, task_augmentation
from trainer.data.origin import DataOrigin
from trainer.errors import InputError
from trainer.loading import datasets
from trainer.runs.card_facts import _data_facts

SINGLE = {"kind": "classification", "labels": ["a", "b"], "dataset": "mail"}
PAIR = {**SINGLE, "input": "pair"}
ROWS = Dataset.from_dict(
    {
        "text": [f"w{i} the old film goes  on" for i in range(60)],
        "label": [i % 2 for i in range(60)],
    }
)
DELETE = [{"method": "deletion", "share": 0.3}]
SWAP = [{"method": "swap", "share": 0.3}]


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def added(rows, steps, name="mood", seed=1, **options):
    found = augment(name, rows, TaskAugmentation(steps, **options), seed)
    assert found[: len(rows)] == rows[:]
    return found[len(rows) :]


def test_copies_follow_the_rows_and_have_their_labels():
    found = added(ROWS, DELETE)
    assert len(found["text"]) == 60
    assert found["label"] == ROWS["label"][:]
    for before, after in zip(ROWS["text"], found["text"], strict=True):
        assert after.split()[0] == before.split()[0]  # w0 to w59: words with figures are kept
        assert len(after.split()) == 4


def test_equal_seeds_give_equal_rows_and_another_seed_or_task_gives_others():
    once = added(ROWS, DELETE)
    assert once == added(ROWS, DELETE)
    assert once != added(ROWS, DELETE, seed=2)
    assert once != added(ROWS, DELETE, name="other")


def test_a_rows_copy_does_not_depend_on_the_rows_asked_for_with_it():
    copier = Copier("mood", ROWS, TaskAugmentation(DELETE, augmented_copies=2), 1)
    together = copier.copies(range(60))
    assert [copy for row in range(60) for copy in copier.copies([row])] == together


def test_methods_follow_one_another():
    found = added(ROWS, [*DELETE, *SWAP])
    deleted = added(ROWS, DELETE)
    assert all(len(text.split()) == 4 for text in found["text"])
    moved = sum(a != b for a, b in zip(found["text"], deleted["text"], strict=True))
    assert moved > 30


def test_the_share_of_rows_and_the_number_of_copies():
    half = added(ROWS, DELETE, augmented_share=0.5)
    assert 20 <= len(half["text"]) <= 40
    assert set(half["text"]) <= set(added(ROWS, DELETE)["text"])
    four = added(ROWS, DELETE, augmented_copies=4)["text"]
    assert len(set(four)) == len(four)  # equal copies of a row count once
    assert 120 < len(four) <= 240


def test_rows_that_cannot_change_get_no_copy():
    rows = Dataset.from_dict({"text": ["Yes  2", "NO!", "an old film"], "label": [0, 1, 1]})
    assert added(rows, DELETE)["label"] == [1]


def test_without_methods_the_rows_are_as_they_were():
    assert augment("mood", ROWS, TaskAugmentation(), 1) is ROWS


def test_both_sides_of_a_pair_change_and_the_label_stays(monkeypatch):
    monkeypatch.setattr(methods, "load_wordnet", ToyWordNet)
    monkeypatch.setattr(methods, "find_tagger", lambda: None)
    rows = Dataset.from_dict({"text": ["a film"], "text_pair": ["films, not me"], "label": [1]})
    assert added(rows, [{"method": "synonyms"}, {"method": "swap_sides"}]) == {
        "text": ["movies, not me"],
        "text_pair": ["a movie"],
        "label": [1],
    }


@pytest.mark.parametrize(
    "given, read",
    [
        ("deletion", [{"method": "deletion"}]),
        (
            ["swap", {"method": "deletion", "share": "2e-1"}],
            [{"method": "swap"}, {**DELETE[0], "share": 0.2}],
        ),
        (None, []),
    ],
)
def test_entries_are_read(given, read):
    entry = read_tasks({"mail": {**SINGLE, "augmentation": given}})["mail"].augmentation
    assert entry.augmentation == read
    assert len(entry.methods()) == len(read)


@pytest.mark.parametrize(
    "entry, message",
    [
        (
            {"augmentation": "delete"},
            "unknown method 'delete', known: back_translation, counterfactual, deletion, ",
        ),
        ({"augmentation": "delete"}, "Did you mean 'deletion'?"),
        ({"augmentation": [{"share": 1}]}, "expected a method's name or {method: NAME, ...}, got"),
        (
            {"augmentation": [{"method": "swap", "shar": 1}]},
            "augmentation: swap: unknown option 'shar'. Did you mean 'share'?",
        ),
        (
            {"augmentation": [{"method": "swap", "share": "x"}]},
            "augmentation: swap: option 'share' = 'x': must be a number",
        ),
        ({"augmentation": [{"method": "swap", "share": 2}]}, "swap: share = 2.0: must be above 0"),
        ({"augmentation": "back_translation"}, "back_translation: models: name two MarianMT"),
        ({"augmented_copies": 2}, "augmented_share and augmented_copies need an 'augmentation'"),
        (
            {"augmentation": "swap", "augmented_copies": 0},
            "augmented_copies = 0: must be 1 or more",
        ),
        ({"augmentation": "swap", "augmented_share": 0}, "augmented_share = 0.0: must be above 0"),
        ({"augmentation": "swap_sides"}, "'swap_sides' needs pairs"),
        (
            {"input": "pair", "augmentation": "swap_sides", "augmented_copies": 2},
            "augmented_copies = 2: without a random method all copies of a row are equal",
        ),
        (
            {"kind": "similarity", "labels": None, "score_range": [0, 5], "input": "pair"}
            | {"augmentation": "swap_sides"},
            "'swap_sides' has no effect here: the cosine of two texts",
        ),
        (
            {"kind": "token_classification", "augmentation": "synonyms"},
            "augmentation: is not available for token_classification",
        ),
    ],
)
def test_what_does_not_fit_is_refused(entry, message):
    with refused(message) as caught:
        read_tasks({"mail": {**SINGLE, **entry}})
    assert str(caught.value).startswith("task 'mail': ")


@pytest.mark.parametrize("method", ["replacement", "insertion", "swap", "deletion"])
def test_methods_that_may_make_a_pairs_label_untrue_are_refused(method):
    with refused(f"augmentation: '{method}' may change the meaning of one text of a pair"):
        read_tasks({"mail": {**PAIR, "augmentation": ["swap_sides", method]}})


def test_every_method_is_known_by_the_name_of_its_file():
    for name, method in task_augmentation.AUGMENTATIONS.items():
        assert method.__module__ == f"trainer.data.augmentation.{name}"


@pytest.fixture
def settings(tmp_path):
    """Toy files of one task, read with the given options."""
    toy_backbone_config().save_pretrained(tmp_path / "encoder")
    folder = tmp_path / "data" / "sst5"
    folder.mkdir(parents=True)
    for split in ("train", "validation"):
        lines = [f"{' '.join(f'w{i}' for i in range(9))} one fine old film{n},0" for n in range(20)]
        (folder / f"{split}.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    config = tmp_path / "config.yaml"
    config.write_text("tasks: {sentiment: {augmentation: [{method: deletion, share: 0.2}]}}")
    common = [
        "--model_name_or_path",
        str(tmp_path / "encoder"),
        "--data_dir",
        str(tmp_path / "data"),
    ]
    return lambda *options: parse([str(config), *common, *options])


def test_only_the_training_split_is_augmented(settings, capsys):
    data = toy_data(settings())
    assert data.augmented == {"sentiment": 20}
    assert "sentiment: 20 augmented rows added to 20" in capsys.readouterr().out
    assert len(data.train["sentiment"]) == 40
    plain = settings("--tasks.sentiment.augmentation", "[]")
    without = toy_data(plain)
    assert without.augmented == {}
    assert data.train["sentiment"][:20] == without.train["sentiment"][:]
    assert data.validation["sentiment"][:] == without.validation["sentiment"][:]
    assert data.train["sentiment"]["length"][20:] == [13] * 20  # two of the words are gone


@pytest.mark.parametrize("option", ["--seed", "--data_seed"])
def test_the_seed_of_the_run_is_the_seed_of_the_copies(settings, option):
    runs = [settings(option, seed) for seed in ("5", "5", "6")]
    copies = [
        Copier("m", ROWS, TaskAugmentation(DELETE), s.training.seed_of_data).copies([0, 1, 2])
        for s in runs
    ]
    assert copies[0] == copies[1] != copies[2]


def test_a_resolved_configuration_reads_back(settings):
    found = settings().resolved["tasks"]["sentiment"]
    assert found["augmentation"] == [{"method": "deletion", "share": 0.2}]
    assert (
        read_tasks({"sentiment": found})["sentiment"].augmentation
        == settings().tasks["sentiment"].augmentation
    )


def test_the_card_counts_added_rows_apart():
    data = datasets.PreparedData({"mood": ROWS}, {"mood": ROWS.select(range(9))})
    data.origins["mood"] = DataOrigin()
    assert _data_facts("mood", data)["rows"] == {"train": 60, "validation": 9}
    data.augmented["mood"] = 20
    assert _data_facts("mood", data)["rows"] == {"train": 40, "augmented": 20, "validation": 9}
    assert _augmentation(TaskAugmentation()) == {}
    assert _augmentation(TaskAugmentation(DELETE))["augmentation"] == "deletion (share: 0.3)"


def test_a_method_that_drops_rows_is_named(monkeypatch):
    class Drop:
        is_random = True

        def __call__(self, columns, rngs, lookup):
            return {name: texts[1:] for name, texts in columns.items()}

    monkeypatch.setitem(
        task_augmentation.AUGMENTATIONS.entries,
        "drop",
        Entry(Drop, None, (), 0.0, True, False, False, False, False, "mine", "mine.py, line 1"),
    )
    message = "task 'mood': augmentation: 'drop' returned {'text': 59} texts, expected {'text': 60}"
    with refused(message):
        augment("mood", ROWS, TaskAugmentation([{"method": "drop"}]), 1)
