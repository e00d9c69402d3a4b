"""The facts of a toy card, and readers of what is rendered from them."""

# ruff: noqa: D103 (a test's name says what it shows)
import re
from dataclasses import replace

from huggingface_hub import ModelCard

from trainer.cards import (
    Architecture,
    CardFacts,
    TaskFacts,
    render_card,
)

NASTY = "a|b\n---\n\"q\" 's' <img src=x> `c` *d* [e](f) \\| # & {{ x }} : -"


SENTIMENT = TaskFacts("sentiment", "classification", "single", labels=["negative", "positive"])


SENTIMENT.dataset = "SetFit/sst5"


SENTIMENT.rows = {"train": 240, "validation": 60}


SENTIMENT.dropped = {"empty text": 3}


SENTIMENT.metrics = {"accuracy": 0.51, "loss": 1.25}


SENTIMENT.hyperparameters = {"learning_rate": 1e-4}


PARAPHRASE = TaskFacts("paraphrase", "classification", "pair", "cross", dataset="nyu-mll/glue")


PARAPHRASE.metrics = {"accuracy": 0.72}


SIMILARITY = TaskFacts("similarity", "similarity", "pair", "siamese", score_range=[0, 5])


SIMILARITY.dataset, SIMILARITY.dataset_config = "nyu-mll/glue", "stsb"


SIMILARITY.metrics = {"pearson": 0.33}


FACTS = CardFacts(
    model_name="hybrid-mtl-test",
    tasks=[SENTIMENT, PARAPHRASE, SIMILARITY],
    base_model="google-bert/bert-base-uncased",
    license="apache-2.0",
    language="en",
    overall=0.631,
    shared_hyperparameters={"learning_rate": 2e-5, "warmup_ratio": None},
    run={"seed": 7, "data_seed": 1, "versions": {"torch": "2.9.0"}},
    figures=[("Loss by step", "figures/loss curve.png")],
)


PARTS = Architecture(
    encoder="bert",
    layers=2,
    hidden_size=16,
    pooling="mean",
    encoder_parameters=6000,
    heads={"sentiment": 85, "paraphrase": 130, "similarity": 0},
    adapters={"sentiment": 1024},
    ranks={"sentiment": 8},
    figure="figures/architecture.png",
)


def card(*tasks, **changes):
    """Render the card of FACTS with other tasks or fields."""
    return render_card(replace(FACTS, tasks=list(tasks) or FACTS.tasks, **changes))


def numbers_of(text):
    results = ModelCard(text).data.eval_results
    return {result.metric_name: result.metric_value for result in results or []}


def section(text, title):
    """Return the text below one heading."""
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def cells(text):
    """Return the tables of `text` as rows of cells, split at the pipes that are not escaped."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def code_of(text):
    """Return the Python examples of a card."""
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
