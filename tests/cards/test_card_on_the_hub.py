"""What the card says of files from a Hub dataset and of conflicts, and the name that opens it."""

from dataclasses import replace
from itertools import combinations

import pytest
from huggingface_hub import ModelCard

from modeling_hybrid_mtl.standard_hybrid_mtl import STANDARDS
from trainer.cards import CardFacts, TaskFacts, render_card
from trainer.registry import HEADS

MOOD = TaskFacts("mood", "classification", "single", labels=["a", "b"], metrics={"accuracy": 0.5})
NEAR = TaskFacts("near", "similarity", "pair", "siamese", score_range=[0, 5])
LOSSES, COSINES = ("Losses", "figures/l.png"), ("Agree", "docs/figures/gradient_cosines.png")


def test_files_that_are_of_a_dataset_name_it():
    task = replace(MOOD, dataset="SetFit/sst5", from_files=True)
    text = render_card(CardFacts("model", [task]))
    assert "[SetFit/sst5](https://huggingface.co/datasets/SetFit/sst5), from local files" in text
    data = ModelCard(text).data
    assert data.datasets == ["SetFit/sst5"]
    assert data.eval_results[0].dataset_name == "SetFit/sst5, from local files"


@pytest.mark.parametrize(
    "tasks, figures, told",
    [
        ([MOOD, NEAR], [LOSSES], True),
        ([MOOD, NEAR], [LOSSES, COSINES], False),
        ([MOOD], [LOSSES], False),
        ([MOOD, NEAR], [], False),
    ],
)
def test_a_card_without_the_figure_of_conflicts_says_how_to_get_it(tasks, figures, told):
    text = render_card(CardFacts("model", tasks, figures=figures))
    assert ("`gradient_cosines: true`" in text) is told


@pytest.mark.parametrize("kinds", [*combinations(HEADS, 1), *combinations(HEADS, 2)])
def test_the_hubs_page_proposes_a_name_that_the_model_opens_by(kinds):
    facts = CardFacts("model", [replace(MOOD, name=kind, kind=kind) for kind in kinds])
    proposed = ModelCard(render_card(facts)).data.pipeline_tag
    assert proposed in {
        n for n, own in STANDARDS.items() if own in {HEADS[k].standard for k in kinds}
    }
