import copy
import json
import re
from dataclasses import replace

import pytest
import torch
from transformers import AutoConfig, AutoModel

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel, TaskConfig
from tests.modeling.toy_models import BACKBONES, TASKS, toy_backbone_config, toy_model

CLASSES = {"kind": "classification", "labels": ["no", "yes"]}
SCORE = {"kind": "regression", "score_range": [0, 5]}
COSINE = {"kind": "similarity", "input": "pair", "score_range": [0, 5]}
TOKENS = {"kind": "token_classification", "labels": ["O", "X"]}

WRONG_ENTRIES = [
    ("kind", {"labels": ["no", "yes"]}),
    ("kind", {**CLASSES, "kind": "summary"}),
    ("kind", {**CLASSES, "kind": None}),
    ("kind", {**CLASSES, "kind": ["classification"]}),
    ("pair_encoding", {**COSINE, "pair_encoding": "cross"}),
    ("input", {"kind": "similarity", "score_range": [0, 5]}),
    ("input", {**TOKENS, "input": "pair"}),
    ("lables", {**CLASSES, "lables": ["no", "yes"]}),
    ("input", {**CLASSES, "input": "triple"}),
    ("input", {**CLASSES, "input": None}),
    ("pair_encoding", {**CLASSES, "input": "pair", "pair_encoding": "bi"}),
    ("labels", {"kind": "classification"}),
    ("labels", {**CLASSES, "labels": "yes"}),
    ("labels", {**CLASSES, "labels": 3}),
    ("labels", {**CLASSES, "labels": [0, 1]}),
    ("labels", {**TOKENS, "labels": []}),
    ("labels", {**SCORE, "labels": ["no", "yes"]}),
    ("labels", {**COSINE, "labels": ["no", "yes"]}),
    ("score_range", {"kind": "regression"}),
    ("score_range", {"kind": "similarity", "input": "pair"}),
    ("score_range", {**CLASSES, "score_range": [0, 5]}),
    ("score_range", {**TOKENS, "score_range": [0, 5]}),
    ("score_range", {**SCORE, "score_range": 5}),
    ("score_range", {**SCORE, "score_range": [5]}),
    ("score_range", {**SCORE, "score_range": [0, 1, 5]}),
    ("score_range", {**SCORE, "score_range": ["0", "5"]}),
    ("score_range", {**SCORE, "score_range": [False, True]}),
    ("score_range", {**SCORE, "score_range": [5, 0]}),
    ("score_range", {**SCORE, "score_range": [3, 3]}),
    ("score_range", {**SCORE, "score_range": [0, float("nan")]}),
    ("score_range", {**SCORE, "score_range": [0, float("inf")]}),
    ("cosine_range", {**COSINE, "cosine_range": [1, 0]}),
    ("cosine_range", {**COSINE, "cosine_range": "wide"}),
    ("cosine_range", {**SCORE, "cosine_range": [0, 1]}),
    ("cosine_range", {**CLASSES, "cosine_range": [0, 1]}),
    ("hidden_sizes", {**CLASSES, "hidden_sizes": 8}),
    ("hidden_sizes", {**CLASSES, "hidden_sizes": [8.0]}),
    ("hidden_sizes", {**CLASSES, "hidden_sizes": [True]}),
    ("hidden_sizes", {**CLASSES, "hidden_sizes": None}),
    ("dropout", {**CLASSES, "dropout": 1}),
    ("dropout", {**CLASSES, "dropout": -0.1}),
    ("dropout", {**CLASSES, "dropout": "0.1"}),
    ("dropout", {**CLASSES, "dropout": None}),
    ("activation", {**CLASSES, "activation": None}),
    ("loss", {**CLASSES, "loss": "squared_error"}),
    ("loss", {**SCORE, "loss": "cosine_embedding"}),
    ("loss", {**COSINE, "loss": "mse"}),
    ("label_smoothing", {**CLASSES, "label_smoothing": 1}),
    ("label_smoothing", {**SCORE, "label_smoothing": 0.1}),
    ("pair_features", {**CLASSES, "pair_features": ["u"]}),
    ("pair_features", {**COSINE, "pair_features": ["u"]}),
    ("pair_features", {**CLASSES, "input": "pair", "pair_features": []}),
    ("pair_features", {**CLASSES, "input": "pair", "pair_features": ["u", "u"]}),
    ("pair_features", {**CLASSES, "input": "pair", "pair_features": ["u", "sum"]}),
    ("loss_weight", {**CLASSES, "loss_weight": 0}),
    ("loss_weight", {**CLASSES, "loss_weight": -1}),
    ("loss_weight", {**CLASSES, "loss_weight": "heavy"}),
    ("loss_weight", {**CLASSES, "loss_weight": float("inf")}),
    ("loss_weight", {**CLASSES, "loss_weight": True}),
]


@pytest.mark.parametrize("entry", [None, "classification", ["classification"], 3])
def test_an_entry_that_is_no_mapping_is_refused(entry):
    with pytest.raises(ValueError, match="task 'mood'.*mapping"):
        HybridMTLConfig(toy_backbone_config(), {"mood": entry})


@pytest.mark.parametrize(("field", "entry"), WRONG_ENTRIES)
def test_a_wrong_entry_is_refused_by_task_and_field(field, entry):
    with pytest.raises(ValueError, match=f"task 'mood'.*'{field}'"):
        HybridMTLConfig(toy_backbone_config(), {"fine": CLASSES, "mood": entry})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("kind", "classify", "= 'classify': must be one of classification, "),
        ("input", "two", "= 'two': must be one of single, pair"),
        ("pair_encoding", "cross", "= 'cross': only valid for tasks with input 'pair'"),
        ("labels", ["a"], "= ['a']: must be a list of at least two class names"),
        ("labels", ["a", "a"], "= ['a', 'a']: class names must be unique"),
        ("score_range", [0.0, 1.0], "= [0.0, 1.0]: a task of kind 'classification"),
        ("dropout", 1.0, "= 1.0: must be in [0, 1)"),
        ("dropout", float("nan"), "= nan: must be in [0, 1)"),
        ("loss_weight", 0.0, "= 0.0: must be a positive number"),
        ("hidden_sizes", [0], "= [0]: must be a list of positive integers"),
        ("activation", "rel", "= 'rel': must be one of gelu, relu"),
    ],
)
def test_a_wrong_value_is_in_the_message_with_what_is_expected(field, value, message):
    with pytest.raises(ValueError, match=re.escape(f"task 'mood': field '{field}' {message}")):
        HybridMTLConfig(toy_backbone_config(), {"mood": {**CLASSES, field: value}})


@pytest.mark.parametrize("name", ["", "my task", "my-task", "my.task", "1st", "größe", 1, None])
def test_a_task_name_is_letters_digits_and_underscores(name):
    with pytest.raises(ValueError, match=f"task '{name}'.*letters, digits"):
        HybridMTLConfig(toy_backbone_config(), {name: CLASSES})


@pytest.mark.parametrize("name", ["type", "keys", "training", "forward", "pop", "update"])
def test_a_task_name_that_torch_cannot_hold_is_refused(name):
    with pytest.raises(ValueError, match=f"task '{name}'.*another"):
        HybridMTLConfig(toy_backbone_config(), {name: CLASSES})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("pooling", "max"),
        ("pooling", None),
        ("pooled_dropout", 1.0),
        ("pooled_dropout", -0.5),
        ("pooled_dropout", "much"),
        ("tasks", ["mood"]),
        ("backbone_config", "bert-base-uncased"),
        ("backbone_config", {"model_type": "no_such_encoder"}),
        ("backbone_config", {"hidden_size": 16}),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(option, value):
    with pytest.raises(ValueError, match=option):
        HybridMTLConfig(**{"backbone_config": toy_backbone_config(), option: value})


def test_defaults_are_filled_in():
    config = HybridMTLConfig(toy_backbone_config(), {"near": COSINE, "mood": CLASSES})
    near, mood = config.task("near"), config.task("mood")
    assert (near.pair_encoding, near.cosine_range, near.is_siamese) == ("siamese", [0.0, 1.0], True)
    assert (mood.input, mood.pair_encoding, mood.is_siamese) == ("single", None, False)
    assert (mood.hidden_sizes, mood.loss_weight) == ([], 1.0)
    assert (config.pooling, config.pooled_dropout) == ("mean", 0.0)
    assert mood.has_labels and not near.has_labels


def test_a_task_config_serves_as_an_entry():
    entry = TaskConfig("classification", labels=["no", "yes"], hidden_sizes=[4])
    config = HybridMTLConfig(toy_backbone_config(), {"mood": entry})
    assert config.task("mood") == replace(entry, loss="cross_entropy")


def test_lists_are_not_shared_with_the_caller():
    labels = ["no", "yes"]
    config = HybridMTLConfig(toy_backbone_config(), {"mood": {**CLASSES, "labels": labels}})
    labels.append("maybe")
    assert config.task("mood").labels == ["no", "yes"]


def test_an_unknown_task_is_refused_with_the_known_ones():
    config = HybridMTLConfig(toy_backbone_config(), {"mood": CLASSES, "near": COSINE})
    with pytest.raises(ValueError, match="no task 'nope'.*mood, near"):
        config.task("nope")


def test_two_configurations_share_no_default():
    first, second = HybridMTLConfig(), HybridMTLConfig()
    first.tasks["mood"] = CLASSES
    first.backbone_config.hidden_size = 1
    assert not second.tasks
    assert second.hidden_size != 1


@pytest.mark.parametrize("kind", BACKBONES)
def test_json_keeps_every_field(kind, tmp_path):
    backbone = toy_backbone_config(kind, initializer_range=0.05)
    config = HybridMTLConfig(backbone, TASKS, pooling="cls", pooled_dropout=0.25)
    config.save_pretrained(tmp_path)
    by_dict = HybridMTLConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    by_folder = HybridMTLConfig.from_pretrained(tmp_path)
    by_auto = AutoConfig.from_pretrained(tmp_path)
    for other in (by_dict, by_folder, by_auto):
        assert isinstance(other, HybridMTLConfig)
        assert other.tasks == config.tasks
        assert (other.pooling, other.pooled_dropout) == ("cls", 0.25)
        assert type(other.backbone_config) is type(backbone)
        assert other.backbone_config.to_dict() == backbone.to_dict()
        assert other.hidden_size == 16


@pytest.mark.parametrize("kind", BACKBONES)
@pytest.mark.parametrize("fields", [{"num_hidden_layers": 12}, {"vocab_size": 30522}])
def test_a_value_that_is_another_encoders_default_is_kept(kind, fields, tmp_path):
    # A saved configuration leaves defaults out: they must be this encoder's own.
    config = HybridMTLConfig(toy_backbone_config(kind, **fields), TASKS)
    config.save_pretrained(tmp_path)
    copy = HybridMTLConfig.from_pretrained(tmp_path)
    assert copy.backbone_config.to_dict() == config.backbone_config.to_dict()


def test_no_local_path_leaks_into_the_saved_configuration(tmp_path):
    AutoModel.from_config(toy_backbone_config()).save_pretrained(tmp_path / "encoder")
    model = HybridMTLModel.from_backbone(tmp_path / "encoder", {"mood": CLASSES})
    model.save_pretrained(tmp_path / "first")
    again = HybridMTLModel.from_pretrained(tmp_path / "first", dtype=torch.float32)
    again.save_pretrained(tmp_path / "second")
    for folder in ("first", "second"):
        text = (tmp_path / folder / "config.json").read_text()
        assert str(tmp_path) not in text
        assert not re.search(r'_name_or_path": "[^"]', text)


@pytest.mark.parametrize(
    "kind, why",
    [("t5", "has a decoder"), ("clip", "has no single hidden_size")],
)
def test_a_backbone_that_is_no_text_encoder_is_refused(kind, why):
    with pytest.raises(ValueError, match=f"backbone_config: a {kind} model {why}"):
        HybridMTLConfig(AutoConfig.for_model(kind))


QUERY = {"target_modules": ["query"]}


def test_adapters_get_their_defaults_and_survive_json(tmp_path):
    config = HybridMTLConfig(tasks=TASKS, adapters={"mood": {**QUERY, "rank": 4}})
    config.save_pretrained(tmp_path)
    again = HybridMTLConfig.from_pretrained(tmp_path)
    assert again.adapters == config.adapters
    assert config.adapters == {
        "mood": {"target_modules": ["query"], "rank": 4, "alpha": 16.0, "dropout": 0.0}
    }
    assert HybridMTLConfig(tasks=TASKS).adapters == {}


@pytest.mark.parametrize(
    "adapters, message",
    [
        ([], "adapters = \\[\\]: must be a mapping"),
        ({"moood": QUERY}, "adapter 'moood': the name must be one of shared, mood"),
        ({"mood": 3}, "adapter 'mood': expected a mapping"),
        (
            {"mood": {**QUERY, "r": 3}},
            "adapter 'mood': unknown field 'r'; must be one of target_modules",
        ),
        ({"mood": {}}, "'target_modules' = \\[\\]: must be a list"),
        ({"mood": {"target_modules": "query"}}, "'target_modules' = 'query': must be a list"),
        ({"mood": {**QUERY, "rank": 0}}, "field 'rank' = 0: must be a positive integer"),
        ({"mood": {**QUERY, "rank": 2.0}}, "field 'rank' = 2.0: must be"),
        ({"mood": {**QUERY, "alpha": 0}}, "field 'alpha' = 0: must be a positive"),
        ({"mood": {**QUERY, "dropout": 1}}, "field 'dropout' = 1: must be in"),
    ],
)
def test_wrong_adapters_are_refused(adapters, message):
    with pytest.raises(ValueError, match=message):
        HybridMTLConfig(tasks=TASKS, adapters=adapters)


def test_a_task_called_shared_cannot_have_an_adapter():
    with pytest.raises(ValueError, match="adapter 'shared' is shared by all tasks"):
        HybridMTLConfig(tasks={"shared": CLASSES}, adapters={"shared": QUERY})


class TestLabelsForClientsOfOneTask:
    SCORES = {"stars": TASKS["stars"], "near": TASKS["near"]}

    @pytest.mark.parametrize(
        ("names", "labels"),
        [
            (["mood", "same"], TASKS["mood"]["labels"]),
            (["same", "mood"], TASKS["same"]["labels"]),
            (["stars", "tags", "mood"], TASKS["tags"]["labels"]),
            (["stars", "near"], ["LABEL_0"]),
        ],
    )
    def test_they_are_the_first_labeled_task_s_also_when_saved(self, names, labels, tmp_path):
        config = HybridMTLConfig(tasks={name: TASKS[name] for name in names})
        config.save_pretrained(tmp_path)
        saved = json.loads((tmp_path / "config.json").read_text())
        assert saved["id2label"] == {str(i): label for i, label in enumerate(labels)}
        for found in (config, HybridMTLConfig.from_pretrained(tmp_path), copy.deepcopy(config)):
            assert list(found.tasks) == names
            assert found.id2label == dict(enumerate(labels))
            assert found.label2id == {label: i for i, label in enumerate(labels)}
            assert found.num_labels == len(labels)

    def test_they_follow_the_tasks(self, tmp_path):
        model = toy_model().without_tasks(["mood"])
        model.save_pretrained(tmp_path)
        found = HybridMTLConfig.from_pretrained(tmp_path)
        assert list(found.id2label.values()) == TASKS["tags"]["labels"]

    @pytest.mark.parametrize(
        "change",
        [{"num_labels": 7}, {"id2label": {0: "x"}}, {"id2label": 5}, {"label2id": {"x": 0}}],
    )
    def test_they_are_set_nowhere_else(self, change, tmp_path):
        config = HybridMTLConfig(tasks=TASKS)
        config.save_pretrained(tmp_path)
        with pytest.raises(ValueError, match="are defined by the tasks, first"):
            HybridMTLConfig.from_pretrained(tmp_path, **change)
        (name,) = change
        with pytest.raises(ValueError, match="cannot be set to"):
            setattr(config, name, change[name])

    def test_without_tasks_they_are_the_caller_s(self):
        assert HybridMTLConfig(num_labels=5).num_labels == 5
        assert HybridMTLConfig(id2label={0: "a", 1: "b"}).id2label == {0: "a", 1: "b"}


@pytest.mark.parametrize(
    ("field", "value", "meant"),
    [("kind", "Clasification", "classification"), ("loss", "crossentropy", "cross_entropy")],
)
def test_the_nearest_kind_or_loss_is_suggested(field, value, meant):
    task = {"kind": "classification", "labels": ["a", "b"], field: value}
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        HybridMTLConfig(tasks={"mood": task})


@pytest.mark.parametrize(("name", "count"), [({}, 2), ({"_from_pipeline": "ner"}, 2)])
def test_the_names_of_pipelines_are_kept(tmp_path, name, count):
    names = config_with_pipelines(tmp_path, **name)
    assert len(names) == count


def test_without_a_name_there_is_one_pipeline(tmp_path):
    assert config_with_pipelines(tmp_path, _from_pipeline=None) == ["hybrid-mtl"]


def config_with_pipelines(folder, **options):
    pipelines = {"text-classification": {}, "hybrid-mtl": {}}
    content = {"model_type": "hybrid_mtl", "custom_pipelines": pipelines}
    (folder / "config.json").write_text(json.dumps(content))
    found, _ = HybridMTLConfig.get_config_dict(folder, **options)
    return list(found["custom_pipelines"])
