"""The reference of a model: its files, and how they are made."""

import json
import shutil

import numpy as np
import pytest

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.audit.conftest import model_folder, pipe  # noqa: F401 (fixtures)
from tests.monitoring.simulated import make_reference, mood
from trainer.errors import InputError
from trainer.loading.model_version import model_version
from trainer.monitoring import make_reference as making
from trainer.monitoring.reference import (
    FOLDER,
    MAX_VALUES,
    rates_of,
    read_reference,
    write_reference,
)

WORDS = ["a", "good", "bad", "film", "dull", "Anna", "Paris", "is", "in", "the", "was"]


def test_files_hold_what_was_written(tmp_path):
    reference = make_reference(np.random.default_rng(0))
    write_reference(reference, tmp_path)
    found = read_reference(tmp_path)
    assert found.version == "v1" and list(found.tasks) == ["mood", "near"]
    ours, theirs = reference.tasks["mood"], found.tasks["mood"]
    assert theirs.kind == ours.kind and theirs.rates.hits.tolist() == ours.rates.hits.tolist()
    assert (theirs.rates.right, theirs.rates.labeled, theirs.rates.n) == (800, 1000, 1000)
    for name, values in ours.rates.samples.items():
        assert theirs.rates.samples[name] == pytest.approx(values, abs=1e-4)
    assert theirs.vectors == pytest.approx(ours.vectors, abs=1e-2)
    assert found.tasks["near"].vectors is None


def test_a_published_reference_has_no_vectors(tmp_path):
    write_reference(make_reference(np.random.default_rng(0)), tmp_path)
    (tmp_path / FOLDER / "vectors.safetensors").unlink()
    assert read_reference(tmp_path).tasks["mood"].vectors is None


def test_of_many_values_a_sample_is_kept():
    rates = rates_of(mood(np.random.default_rng(0), 3 * MAX_VALUES))
    assert rates.n == 3 * MAX_VALUES and len(rates.samples["tokens"]) == MAX_VALUES


def test_a_folder_without_one_says_how_to_make_it(tmp_path):
    with pytest.raises(InputError, match="has no monitoring/reference.json: train with"):
        read_reference(tmp_path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "reference.safetensors").unlink(),
        lambda folder: (folder / "reference.safetensors").write_bytes(b"\xff" * 100),
        lambda folder: (folder / "reference.json").write_text("{"),
        lambda folder: (folder / "reference.json").write_text("[]"),
        lambda folder: (folder / "reference.json").write_text('{"format": 9, "tasks": {}}'),
        lambda folder: change(folder, hits=[1]),
        lambda folder: change(folder, samples=["other"]),
        lambda folder: change(folder, n="many"),
    ],
)
def test_a_damaged_one_is_one_error(tmp_path, spoil):
    write_reference(make_reference(np.random.default_rng(0)), tmp_path)
    spoil(tmp_path / FOLDER)
    with pytest.raises(InputError, match="is damaged|its format is 9"):
        read_reference(tmp_path)


def change(folder, **fields):
    content = json.loads((folder / "reference.json").read_text())
    content["tasks"]["mood"].update(fields)
    (folder / "reference.json").write_text(json.dumps(content))


def rows(task, count, labels=()):
    random = np.random.default_rng(0)

    def text():
        return " ".join(random.choice(WORDS, random.integers(3, 8)))

    is_pair = task.input == "pair"
    texts = [{"text": text(), **({"text_pair": text()} if is_pair else {})} for _ in range(count)]
    return making.ReferenceRows(texts, labels)


@pytest.fixture(scope="module")
def made(pipe):  # noqa: F811
    config = pipe.model.config
    labeled = {
        name: rows(config.task(name), 70, [frozenset(config.task(name).labels[:1])] * 70)
        for name in ("mood", "topics")
    }
    plain = {name: rows(config.task(name), 70) for name in ("stars", "same", "near", "tags")}
    return making.make_reference(pipe, labeled | plain, "v", batch_size=16)


def test_it_is_made_of_the_models_answers(pipe, made):  # noqa: F811
    assert set(made.tasks) == {"mood", "topics", "stars", "same", "near", "tags"}
    texts = rows(pipe.model.config.task("mood"), 70).texts
    predicted = [each["label"] for each in pipe(list(texts), task="mood")]
    task = made.tasks["mood"]
    assert task.rates.hits.tolist() == [predicted.count(name) for name in task.kind.labels]
    assert task.rates.right == predicted.count(task.kind.labels[0]) and task.rates.labeled == 70
    assert task.vectors.shape == (70, pipe.model.config.sentence_vector_size)
    assert not made.tasks["topics"].kind.is_exclusive
    assert made.tasks["stars"].kind.labels == () and made.tasks["stars"].rates.labeled == 0
    assert set(made.tasks["near"].rates.samples) == {"score", "tokens", "unknown"}


def test_vectors_of_pairs_are_the_means_of_both(pipe, made):  # noqa: F811
    row = rows(pipe.model.config.task("same"), 70).texts[0]
    pipe.model.tokenizer = pipe.tokenizer
    both = pipe.model.encode(list(row.values()))
    assert made.tasks["same"].vectors[0] == pytest.approx(both.mean(axis=0), abs=1e-5)


def test_files_have_no_texts(made, tmp_path):
    write_reference(made, tmp_path)
    for path in (tmp_path / FOLDER).iterdir():
        assert not any(word.encode() in path.read_bytes() for word in ("Anna", "Paris", "dull"))


def test_the_version_does_not_change_with_it(model_folder, made, tmp_path):  # noqa: F811
    folder = shutil.copytree(model_folder, tmp_path / "model")
    before = model_version(str(folder), None)
    write_reference(made, folder)
    assert model_version(str(folder), None) == before


def test_groups_have_rates_of_their_own(pipe):  # noqa: F811
    task = pipe.model.config.task("mood")
    given = rows(task, 90, [frozenset(["good"])] * 90)
    groups = {"place": ["a" if i % 3 else "b" for i in range(90)], "few": ["x"] * 5 + [""] * 85}
    given = making.ReferenceRows(given.texts, given.labels, groups)
    found = making.make_reference(pipe, {"mood": given}, "v", batch_size=16).tasks["mood"].groups
    assert {key: rates.n for key, rates in found.items()} == {
        ("place", "a"): 60,
        ("place", "b"): 30,
    }
    assert found["place", "b"].labeled == 30


def test_labels_of_checked_rows_are_named(pipe):  # noqa: F811
    config: HybridMTLPipeline = pipe.model.config
    names = config.task("mood").labels
    assert making.label_names(1, config.task("mood")) == {names[1]}
    assert making.label_names([0.1, 0.2, 0.7], config.task("mood")) == {names[2]}
    assert making.label_names(None, config.task("mood")) is None
    topics = config.task("topics").labels
    hot = [1.0, *[0.0] * (len(topics) - 1)]
    assert making.label_names(hot, config.task("topics")) == {topics[0]}
    assert making.label_names(2.0, config.task("stars")) is None
