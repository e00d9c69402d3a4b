"""Validation rows are published with a model only where an option, or the sample, allows it."""

import json

import pytest
from huggingface_hub import ModelCard

from tests.toy_runs import toy_run
from trainer.config.parser import parse
from trainer.data.origin import SAMPLE, DataOrigin
from trainer.errors import InputError
from trainer.runs.examples import _count
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    return toy_run(folder, 6, 6, max_steps=1, save_strategy="no", eval_strategy="no")


def test_examples_are_written_shown_on_the_card_and_in_its_widget(config):
    out = config.parent / "shown"
    train(parse([str(config), "--examples", "2", "--output_dir", str(out)]))
    examples = json.loads((out / "examples.json").read_text())
    assert {name: len(rows) for name, rows in examples.items()} == {
        **{"sentiment": 2, "paraphrase": 2, "similarity": 2}
    }
    row = examples["paraphrase"][0]
    assert set(row) == {"text", "text_pair", "label", "prediction"}
    card = ModelCard.load(out / "README.md", ignore_metadata_errors=False)
    texts = [row["text"] for row in examples["sentiment"]]
    assert card.data.to_dict()["widget"] == [{"text": text} for text in texts]
    assert f"text = {json.dumps(texts[0])}" in card.text
    assert card.text.count(f"| {texts[0]} |") >= 1 and "## Examples" in card.text


def test_rows_stay_private_without_the_option(config):
    out = config.parent / "private"
    train(parse([str(config), "--output_dir", str(out)]))
    assert not (out / "examples.json").exists()
    card = (out / "README.md").read_text()
    assert "## Examples" not in card and "widget:" not in card and "w1 w2" not in card
    assert "| sentiment | very negative |" in card  # the scores of each class


def test_the_sample_is_public():
    assert _count(None, DataOrigin(dataset_description=SAMPLE)) == 3
    assert _count(None, DataOrigin()) == 0
    assert _count(0, DataOrigin(dataset_description=SAMPLE)) == 0
    with pytest.raises(InputError, match="examples = -1: must be a number, 0 or more"):
        parse(["--examples", "-1"])
