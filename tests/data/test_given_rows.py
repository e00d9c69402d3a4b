"""Rows that a trainer is given in Python are checked as those of files are."""

import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset, IterableDataset, List, Value
from transformers import RobertaConfig

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel, TaskConfig
from tests.toys import TASKS, toy_model, toy_rows, toy_tokenizer, toy_trainer
from trainer import HybridMTLTrainer
from trainer.data import tokenize
from trainer.data.given_rows import check_rows
from trainer.data.given_tokens import Limits
from trainer.errors import InputError

TAGS = {"kind": "token_classification", "labels": ["O", "NAME"]}
CONFIGS = {name: TaskConfig.from_entry(name, e) for name, e in {**TASKS, "tags": TAGS}.items()}


def rows(labels, **columns):
    ids = [[2, 5 + i, 3] for i in range(len(labels))]
    table = {"input_ids": ids, "length": [3] * len(labels), "labels": labels, **columns}
    return Dataset.from_dict({k: v for k, v in table.items() if v is not None})


def check(name, given, task, limits=None):
    return check_rows("train_dataset", name, given, task, limits or Limits())


@pytest.mark.parametrize(
    ("task", "labels", "message"),
    [
        ("mood", [0, 3, 1], "row 2: column 'labels' has 3; labels .* 0 to 2 of 'bad', 'so-so'"),
        ("mood", [0, 1, -2], "row 3: column 'labels' has -2"),
        ("mood", ["good", "bad"], "row 1: column 'labels' has 'good'"),
        ("mood", [True, False], "row 1: column 'labels' has True"),
        ("mood", [1.0, 0.0], "row 1: column 'labels' has 1.0"),
        ("mood", [0, -1, 1], "row 2: .* -1 .no label, where other rows have one"),
        ("mood", [0, None], "row 2: column 'labels' has None .no label"),
        ("near", [0.0, 5.5], "row 2: column 'labels' has 5.5; scores .* from 0 to 5"),
        ("near", [1.0, float("nan")], "row 2: column 'labels' has nan .no label"),
        ("near", [float("inf"), 1.0], "row 1: column 'labels' has inf"),
        ("near", ["1.5", "2"], "row 1: column 'labels' has '1.5'"),
        ("tags", [[-100, 1, -100], [-100, 2, -100]], r"row 2: labels has \[-100, 2, -100\]; lab"),
        ("tags", [[-100, 1, -100], [1, 0]], "row 2: 3 tokens but 2 labels"),
        ("tags", [["O"], ["NAME"]], "column 'labels' must hold a list of class indices"),
        ("tags", [0, 1], "column 'labels' must hold a list of class indices"),
    ],
)
def test_labels_that_the_task_does_not_have_are_refused_by_row(task, labels, message):
    pair = [[2, 9, 3]] * len(labels) if task == "near" else None
    given = rows(labels, pair_input_ids=pair)
    with pytest.raises(InputError, match=f"^train_dataset, task '{task}'.*{message}"):
        check(task, given, CONFIGS[task])
    # In the order in which the rows stand, not in that of a table beneath them.
    order = list(range(len(labels)))[::-1]
    with pytest.raises(InputError, match="^train_dataset, task"):
        check(task, given.select(order), CONFIGS[task])


@pytest.mark.parametrize(
    ("task", "labels", "there"),
    [
        ("mood", [2, 0], True),
        ("near", [0, 5], True),
        ("near", [0.1, 4.999], True),
        ("tags", [[-100, 1, -100], [-100, -100, -100]], True),
        ("mood", [-1, -1], False),
        ("mood", [None, None], False),
        ("near", [-1.0, -1.0], False),
        ("near", [float("nan")], False),
        ("tags", [[-100] * 3, [-100, -1, -100]], False),
        ("mood", None, False),
    ],
)
def test_rows_have_labels_or_none_of_them_does(task, labels, there):
    given = rows([0, 0] if labels is None else labels)
    given = given.remove_columns("labels") if labels is None else given
    if task == "near":
        given = given.add_column("pair_input_ids", given["input_ids"][:])
    assert check(task, given, CONFIGS[task]) is there


def test_a_score_that_was_rounded_to_float32_is_in_its_range():
    task = TaskConfig.from_entry("x", {"kind": "regression", "score_range": [0.1, 0.7]})
    assert check("x", rows([0.1, 0.7]).cast_column("labels", Value("float32")), task)


def test_a_mapping_of_tokenized_rows_is_what_is_asked_for():
    mood, near = CONFIGS["mood"], CONFIGS["near"]
    stream = IterableDataset.from_generator(lambda: iter([{"input_ids": [2, 3]}]))
    texts = Dataset.from_dict({"text": ["a film"], "label": [1]})
    padded = rows([0], attention_mask=[[1, 1, 0]])
    for name, given, task, message in (
        ("mood", stream, mood, "is a IterableDataset; .* load it without streaming"),
        ("mood", [{"input_ids": [2, 3]}], mood, "is a list; expected a datasets.Dataset"),
        ("mood", texts, mood, "no column 'input_ids' .found: text, label.; tokenize the rows with"),
        ("mood", rows([0]).remove_columns("length"), mood, "no column 'length'"),
        ("near", rows([0.0]), near, "no column 'pair_input_ids'"),
        ("mood", rows([0], pair_input_ids=[[2, 3]]), mood, "has pair_input_ids, the second"),
        ("mood", padded, mood, "padded already; tokenize them without padding"),
        ("mood", rows([0]).select([]), mood, "has no rows"),
        ("mood", Dataset.from_dict({"input_ids": ["a"], "length": [1]}), mood, "lists of token"),
    ):
        with pytest.raises(InputError, match=f"^train_dataset, task '{name}': .*{message}"):
            check(name, given, task)


@pytest.mark.parametrize("place", ["train_dataset", "eval_dataset"])
def test_a_trainer_refuses_rows_it_cannot_read_before_it_trains(tmp_path, place):
    trainer = toy_trainer(tmp_path)
    good = {"mood": toy_rows("mood", 8)}
    for given, message in (
        (toy_rows("mood", 8), f"{place}: is one Dataset; expected the rows of each task"),
        ({"mood": rows([0, 7])}, f"{place}, task 'mood', row 2: column 'labels' has 7"),
        ({"mood": rows([-1, -1])}, f"{place}, task 'mood': its rows have no labels"),
        ({"moods": rows([0])}, f"{place}: no task 'moods'"),
    ):
        with pytest.raises(InputError, match=message):
            HybridMTLTrainer(
                trainer.model,
                trainer.args,
                processing_class=toy_tokenizer(),
                **{"train_dataset": good, place: given},
            )
    if place == "eval_dataset":
        with pytest.raises(InputError, match="eval_dataset: is one Dataset"):
            trainer.evaluate(toy_rows("mood", 8))


@pytest.mark.parametrize("way", ["no column", "-1", "null"])
def test_rows_without_labels_are_answered_without_metrics(tmp_path, way):
    trainer = toy_trainer(tmp_path)
    known = {task: toy_rows(task, 9, seed=4) for task in TASKS}
    unknown = {}
    for task, whole in known.items():
        unknown[task] = whole.remove_columns("labels")
        if way != "no column":
            unknown[task] = unknown[task].add_column(
                "labels", [-1 if way == "-1" else None] * 9, feature=whole.features["labels"]
            )
    expected, found = trainer.predict(known), trainer.predict(unknown)
    for task in TASKS:
        assert (found.predictions[task] == expected.predictions[task]).all()
    assert found.label_ids == dict.fromkeys(TASKS)
    assert {name for name in found.metrics if "samples" not in name} == {"test_runtime"}
    mixed = trainer.predict({**known, "mood": unknown["mood"]})
    assert "test_same_accuracy" in mixed.metrics and "test_mood_accuracy" not in mixed.metrics
    with pytest.raises(InputError, match="eval_dataset, task 'mood': its rows have no labels"):
        trainer.evaluate(unknown)
    with pytest.raises(InputError, match="test_dataset: is one Dataset; expected"):
        trainer.predict(unknown["mood"])


def test_every_token_of_words_without_tags_is_answered(tmp_path):
    trainer = HybridMTLTrainer(
        toy_model({"tags": TAGS}), toy_trainer(tmp_path).args, processing_class=toy_tokenizer()
    )
    words = toy_rows("mood", 9, seed=4).remove_columns("labels")
    found = trainer.predict({"tags": words})
    assert found.predictions["tags"].shape == (sum(words["length"][:]), 2)
    assert found.label_ids == {"tags": None}


def test_texts_without_labels_are_tokenized():
    for name, texts in (("mood", ["w1 w2", "w3"]), ("tags", [["w1", "w2"], ["w3"]])):
        made = tokenize(name, Dataset.from_dict({"text": texts}), CONFIGS[name], toy_tokenizer(), 8)
        assert "labels" not in made.column_names
        assert check("mood", made, CONFIGS[name]) is False


def named(labels, *names, task="mood"):
    feature = ClassLabel(names=list(names))
    feature = List(feature) if task == "tags" else feature
    return rows(labels).cast_column("labels", feature)


@pytest.mark.parametrize(
    ("task", "labels", "names"),
    [
        ("mood", [2, 0, 1], ["good", "so-so", "bad"]),
        ("mood", [0, 1], ["so-so", "bad"]),
        ("mood", [0, 1], ["Bad", "So-so", "Good"]),
        ("tags", [[-100, 1, -100]], ["NAME", "O"]),
        ("stars", [0, 2], ["1", "3", "5"]),
    ],
)
def test_names_of_a_column_that_are_not_the_tasks_are_refused_with_both_lists(task, labels, names):
    stars = TaskConfig.from_entry("stars", {"kind": "regression", "score_range": [0, 5]})
    given, config = named(labels, *names, task=task), {**CONFIGS, "stars": stars}[task]
    with pytest.raises(InputError) as caught:
        check(task, given, config)
    message = str(caught.value)
    assert message.startswith(f"train_dataset, task '{task}': the type of column 'labels' names")
    for name in (*names, *(config.labels or ["scores"])):
        assert name in message
    if task == "tags":
        assert "before the rows are tokenized" in message
        given = given.cast_column("labels", List(Value("int64")))
    else:
        given = given.cast_column("labels", Value("int64"))
    assert check(task, given, config)  # as the message says


def test_a_column_is_mapped_as_the_message_says_and_right_names_pass():
    swapped = named([2, 0, 1], "good", "so-so", "bad")
    mapped = swapped.align_labels_with_mapping({"bad": 0, "so-so": 1, "good": 2}, "labels")
    assert check("mood", mapped, CONFIGS["mood"]) and mapped["labels"][:] == [0, 2, 1]
    for names in (["bad", "so-so", "good"], ["bad", "so-so", "good", "unknown"], ["0", "1", "2"]):
        assert check("mood", named([2, 0, 1], *names), CONFIGS["mood"])
    unlabeled = named([-1, -1], "good", "bad")
    assert check("mood", unlabeled, CONFIGS["mood"]) is False
    numbers = TaskConfig("classification", labels=["1", "2"])
    with pytest.raises(
        InputError, match="names its numbers '0', '1', and this task has .*'1', '2'"
    ):
        check("x", named([1], "0", "1"), numbers)


@pytest.mark.parametrize("kind", [f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 64)])
def test_labels_are_integers_of_any_type(kind):
    top = 2 ** (int(kind.split("int")[1]) - kind.startswith("i")) - 1
    for task, labels, wrong in (
        ("mood", [2, 0], [0, top]),
        ("mood", [0, 1], [0, None]),
        ("tags", [[0, 1, 0]] * 2, [[0, 1, 0], [0, top, 0]]),
        ("tags", [[0, 1, 0]] * 2, [[0, 1, 0], [0, None, 0]]),
        ("stars", [4, 0], [1, top]),
    ):
        config = CONFIGS.get(task) or TaskConfig("regression", score_range=[0, 5])
        column = pa.field("labels", pa.from_numpy_dtype(kind))
        column = pa.field("labels", pa.list_(column.type)) if task == "tags" else column

        def typed(values, column=column):
            table = rows([0, 0]).remove_columns("labels").data.table
            return Dataset(table.append_column(column, pa.array(values, column.type)))

        assert check(task, typed(labels), config)
        with pytest.raises(InputError, match=f"^train_dataset, task '{task}', row 2: .*labels"):
            check(task, typed(wrong), config)


GOOD = [[2, 9, 3], [2, 9, 9, 3], [2, 3]]


@pytest.mark.parametrize(
    ("column", "bad", "message"),
    [
        (
            "input_ids",
            [2, 50, 3],
            "has 50; ids are 0 to 49 for this encoder: tokenize the rows with",
        ),
        ("input_ids", [2, -1, 3], "has -1; ids are 0 to 49 for this encoder"),
        (
            "input_ids",
            [9] * 65,
            "has more than the encoder's 64 tokens .up to 65 in these rows.; .* max_length",
        ),
        ("input_ids", [], "is empty; remove the row"),
        ("input_ids", [2, None], "lists of token ids, and one of its entries is None"),
        ("input_ids", None, "lists of token ids, and has None"),
        ("token_type_ids", [0, 0, 2, 0], "has 2; ids are 0 to 1 for this encoder"),
        ("token_type_ids", [0, -1, 0, 0], "has -1; ids are 0 to 1 for this encoder"),
        ("token_type_ids", [0, 0], "has 2 entries for the 4 tokens of"),
        ("token_type_ids", None, "lists of whole numbers, and has None"),
        ("attention_mask", [1] * 5, "has 5 entries for the 4 tokens of"),
    ],
)
@pytest.mark.parametrize("side", ["", "pair_"])
def test_tokens_that_the_encoder_cannot_read_are_refused_by_row(column, bad, message, side):
    table = {"input_ids": GOOD, "pair_input_ids": GOOD, "labels": [0.0, 1.0, 2.0]}
    filled = [[int(column == "attention_mask")] * len(ids) for ids in GOOD]
    others = GOOD if column == "input_ids" else filled
    table[side + column] = [others[0], bad, others[2]]
    given = Dataset.from_dict({**table, "length": [4] * 3})
    limits = Limits.from_model(toy_model())
    wanted = f"^train_dataset, task 'near', row 2: column '{side}{column}' .*{message}"
    with pytest.raises(InputError, match=wanted):
        check("near", given, CONFIGS["near"], limits)
    with pytest.raises(InputError, match=wanted.replace("row 2", "row 1")):
        check("near", given.select([1, 0]), CONFIGS["near"], limits)


def test_a_trainer_knows_what_its_encoder_reads_and_asks_for_rows(tmp_path):
    trainer = toy_trainer(tmp_path)
    beyond = Dataset.from_dict({"input_ids": [[2, 9, 3], [2, 77, 3]], "length": [3, 3]})
    with pytest.raises(
        InputError, match="^test_dataset, task 'mood', row 2: .* has 77; .* 0 to 49"
    ):
        trainer.predict({"mood": beyond})
    for ask, place in ((trainer.predict, "test"), (trainer.evaluate, "eval")):
        with pytest.raises(InputError, match=f"^{place}_dataset: has no task; expected its rows"):
            ask({})
    roberta = RobertaConfig(
        vocab_size=60, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=34, type_vocab_size=1,
    )  # fmt: skip
    limits = Limits.from_model(HybridMTLModel(HybridMTLConfig(roberta, TASKS)))
    assert limits == Limits(ids=60, types=1, positions=32)
