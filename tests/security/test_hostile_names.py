"""Names and texts of other people's, which are written into files, cards and figures."""

import json
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from modeling_hybrid_mtl import HybridMTLConfig
from tests.hub.folders import model_folder
from tests.modeling.toy_models import TASKS, toy_model, toy_tokenizer
from trainer.cards import CardFacts, TaskFacts, render_card
from trainer.config.phases import read_phases
from trainer.config.run_arguments import RunArguments
from trainer.config.tasks import read_tasks
from trainer.errors import InputError
from trainer.evaluation import classification_report, draw_confusion_matrix
from trainer.hub.push_files import publication
from trainer.loading.new_model import load_config
from trainer.loading.trained_model import open_trained

BAD_NAMES = [
    "../up",
    "/etc/x",
    "a/b",
    "a\\b",
    "..",
    "",
    " ",
    "a\nb",
    "a\n",
    "-rf",
    "a.b",
    "é",
    "<b>",
]
BAD_NAMES += ["{{ 7 * 7 }}", "a" * 65, "$(id)", "a\x00", "CON:"]
PIECES = ["<script>alert(1)</script>", "](javascript:alert(1))", "![x](http://evil)", "| a | b |"]
PIECES += [
    "\n---\n",
    "\n# ",
    "```",
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    "{#",
    "&lt;",
    "\\",
    "<!--",
    "*",
]
PIECES += [
    "__a__",
    "~~a~~",
    "key: value",
    "\r\n",
    "\u2028",
    "\x1b[2J",
    "\u202e",
    "שלום",
    "👩‍👩‍👧",
    "- a",
    "> b",
]
hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), min_size=1, max_size=6).map(
    "".join
)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_no_plain_word_is_refused_everywhere(name):
    with pytest.raises(ValueError):
        HybridMTLConfig(None, {name: TASKS["mood"]})
    with pytest.raises(InputError):
        read_tasks({name: TASKS["mood"]})
    if name not in ("é",):  # a phase's name is in no configuration of a model's
        with pytest.raises(InputError):
            read_phases([{"name": name}], ["mood"])


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": {"../../up": TASKS["mood"]}},
        {"tasks": [1]},
        {"adapters": {"../up": {"target_modules": ["query"]}}},
        {"auto_map": 5},
        {"id2label": 5},
        {"dtype": "os.system"},
        {"attn_implementation": "evil/kernel"},
        {"backbone_config": {"model_type": "bert", "hidden_size": "x"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_configuration_of_anyone_s_is_refused_in_one_message(tmp_path, change):
    toy_model().save_pretrained(tmp_path)
    toy_tokenizer().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="cannot load "):
        open_trained(str(tmp_path))
    if "tasks" in change:
        with pytest.raises(InputError, match="cannot load"):
            load_config(RunArguments(model_name_or_path=str(tmp_path)))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "change",
    [
        {"auto_map": [1]},
        {"auto_map": {"AutoModel": "../../up.Model"}},
        {"auto_map": {"AutoModel": "/etc/passwd.Model"}},
        {"custom_pipelines": {"x": 5}},
        {"custom_pipelines": {"x": {"impl": 5}}},
        {"custom_pipelines": []},
    ],
)
def test_a_push_looks_for_code_in_the_folder_alone(tmp_path, change):
    folder = model_folder(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(InputError, match="is incomplete|does not name the model's code"):
        publication(folder)


def facts_with(text: str) -> CardFacts:
    """Facts with a text of other people's wherever there may be one."""
    mood = TaskFacts("mood", "classification", "single", labels=[text, f"{text} too"])
    mood.dataset_description = mood.dataset_license = text
    mood.dropped = {text: 3}
    mood.metrics = {"accuracy": 0.5}
    mood.hyperparameters = {"activation": text}
    return CardFacts(
        model_name=text,
        tasks=[mood],
        base_model_description=text,
        run={"seed": 1, "versions": {"torch": text}, "command": text},
        figures=[(text, "figures/mood.png")],
    )


def outline(card: str) -> list[str]:
    """The kinds of a card's parts, in their order."""
    metadata, body = re.fullmatch(r"---\n(.*?)\n---\n\n(.*)", card, re.DOTALL).groups()
    kinds = list(yaml.safe_load(metadata))
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(body):
        kinds.append(token.type)
        kinds += [part.type for part in token.children or [] if part.type != "text"]
    return kinds


PLAIN = outline(render_card(facts_with("plain words")))


@settings(max_examples=15, deadline=None)
@given(text=hostile.filter(lambda text: re.sub(r"[\x00-\x1f\x7f-\x9f]", "", text).split()))
def test_no_text_changes_what_a_card_is_made_of(text):
    card = render_card(facts_with(text))
    assert outline(card) == PLAIN
    assert "49" not in card or "49" in text


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font:UserWarning")  # a box is drawn
@pytest.mark.parametrize(
    "text", ["<b>" * 4000, "a\nb\x00\x1b", "$x^2$ $\\frac{", "שלום 👩‍👩‍👧", ""]
)
def test_labels_of_any_text_can_be_drawn(tmp_path, text):
    report = classification_report([0, 1, 1], [0, 1, 0], [text, f"{text}."])
    draw_confusion_matrix(report, "mood", tmp_path / "mood.png")
    assert (tmp_path / "mood.png").stat().st_size < 200_000
    assert [path.name for path in tmp_path.iterdir()] == ["mood.png"]
