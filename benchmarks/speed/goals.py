"""The goals of the numbers, and whether they are met."""

import re
from dataclasses import dataclass

from benchmarks.speed.aggregators import COSTLY


@dataclass(frozen=True)
class Goal:
    """A lower or an upper bound."""

    least: float | None = None
    most: float | None = None

    def met(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def __str__(self) -> str:
        return f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"


GOALS = {
    "train_vs_seed_loop": Goal(least=2.5),
    "train_vs_trainer": Goal(least=2.0),
    "train_vs_fastest_peer": Goal(least=1.8),
    "train_matmul_share": Goal(least=0.60),
    "shared_table_two_columns_vs_one": Goal(most=1.1),
    "shared_table32_two_columns_vs_one": Goal(most=1.1),
    "infer_three_heads_vs_one": Goal(most=1.05),
    "infer_all_vs_three_models": Goal(least=2.5),
    "embed_vs_sentence_transformers": Goal(least=1.0),
    "int8_vs_float": Goal(least=1.8),
    "int8_score_loss": Goal(most=0.5),
    "prediction_files_vs_bare_model": Goal(least=0.95),
    "prediction_files_two_processes_vs_one": Goal(least=1.8),
    "serve_all_vs_three_pipelines": Goal(least=2.5),
    "serve_embed_vs_sentence_transformers": Goal(least=1.5),
    "serve_p99_vs_p50": Goal(most=3.0),
    "serve_one_client_vs_pipeline": Goal(most=1.1),
    "import_seconds": Goal(most=0.3),
    "import_command_seconds": Goal(most=0.3),
    # Flat, except for variation between runs.
    "growth_reading": Goal(most=1.2),
    "growth_tokenizing": Goal(most=1.2),
    "growth_batches": Goal(most=1.2),
    "growth_prediction": Goal(most=1.2),
}
OF_AGGREGATORS = Goal(most=1.15)
OF_LAYOUTS = Goal(most=1.3)


def goal_of(name: str) -> Goal | None:
    """Return the goal of a number, or None; aggregators and layouts have one at each batch size."""
    found = re.match(r"(aggregator|layout)\d*(_.+)", name)
    if found is None:
        return GOALS.get(name)
    if found[1] == "layout":
        return OF_LAYOUTS
    return None if f"aggregator{found[2]}".startswith(COSTLY) else OF_AGGREGATORS
