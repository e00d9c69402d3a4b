"""Local files of a Hub dataset, conflicts of gradients, and the pipeline tag of the card."""

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
    "tasks, figures, mentioned",
    [
        ([MOOD, NEAR], [LOSSES], True),
        ([MOOD, NEAR], [LOSSES, COSINES], False),
        ([MOOD], [LOSSES], False),
        ([MOOD, NEAR], [], False),
    ],
)
def test_a_card_without_the_figure_of_conflicts_mentions_its_option(tasks, figures, mentioned):
    text = render_card(CardFacts("model", tasks, figures=figures))
    assert ("`gradient_cosines: true`" in text) is mentioned


@pytest.mark.parametrize("kinds", [*combinations(HEADS, 1), *combinations(HEADS, 2)])
def test_the_pipeline_tag_is_one_that_the_model_supports(kinds):
    facts = CardFacts("model", [replace(MOOD, name=kind, kind=kind) for kind in kinds])
    proposed = ModelCard(render_card(facts)).data.pipeline_tag
    assert proposed in {
        n for n, standard in STANDARDS.items() if standard in {HEADS[k].standard for k in kinds}
    }
