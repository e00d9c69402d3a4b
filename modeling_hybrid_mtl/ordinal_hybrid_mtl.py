"""Ordinal classification: classes in an order, such as grades from 1 to 5."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .heads_hybrid_mtl import TaskHead, build_layers
from .losses_hybrid_mtl import LOSSES
from .registry_hybrid_mtl import HEADS
from .task_config_hybrid_mtl import TaskConfig

MODELS = ("corn", "cumulative")


@dataclass
class OrdinalOptions:
    """Options of an ordinal head.

    Attributes:
        model: how outputs become probabilities: `corn`, a logit of P(y > k | y >= k) for each
            class k but the last (Shi et al., arXiv:2111.08851); `cumulative`, one score and an
            ordered threshold of P(y > k) between each two neighbors (proportional odds, McCullagh
            1980).
    """

    model: str = "corn"

    def __post_init__(self):
        if self.model not in MODELS:
            raise ValueError(f"model = '{self.model}': must be one of {', '.join(MODELS)}")


@HEADS.register("ordinal", options=OrdinalOptions)
class OrdinalHead(TaskHead):
    """Logarithms of the probabilities of classes in an order, (B, C).

    They are logits that softmax leaves as they are. Their cross-entropy is the loss of CORN (its
    conditional binary cross-entropies add up to it for each row) and the likelihood of the
    cumulative model.
    """

    losses = ("cross_entropy", "coral")
    reads = ("pair_features",)
    metrics = ("quadratic_kappa", "mae", "accuracy")

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        self.is_cumulative = self.options.model == "cumulative"
        count = len(self.task.labels)
        width = 1 if self.is_cumulative else count - 1
        self.layers = build_layers([self.feature_size, *task.hidden_sizes, width], task)
        if self.is_cumulative:
            # All classes are equally likely at first. `softplus` of the gaps keeps the order.
            # Parameters with `bias` in their names have no weight decay.
            edges = (torch.arange(1, count) / count).logit()
            self.first_bias = nn.Parameter(edges[:1])
            self.gaps_bias = nn.Parameter(edges.diff().expm1().log())

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        outputs = self.layers(self.features(u, v)).float()
        return self._cumulative(outputs) if self.is_cumulative else conditional(outputs)

    def _cumulative(self, score: Tensor) -> Tensor:
        gaps = functional.softplus(self.gaps_bias.float())
        thresholds = torch.cat([self.first_bias.float(), gaps]).cumsum(dim=0)
        above = score - thresholds  # logits of P(y > k)
        # For a > b, sigmoid(a) - sigmoid(b) = sigmoid(a) * sigmoid(-b) * (1 - exp(b - a)).
        inner = functional.logsigmoid(above[:, :-1]) + functional.logsigmoid(-above[:, 1:])
        inner = inner + (-gaps).expm1().neg().log()
        first, last = functional.logsigmoid(-above[:, :1]), functional.logsigmoid(above[:, -1:])
        return torch.cat([first, inner, last], dim=-1)


def conditional(logits: Tensor) -> Tensor:
    """Return log P(y = k), (B, C), from logits of P(y > k | y >= k), (B, C - 1)."""
    reached = functional.logsigmoid(logits).cumsum(dim=-1)  # log P(y > k)
    before = functional.pad(reached[:, :-1], (1, 0))  # log P(y >= k)
    return torch.cat([before + functional.logsigmoid(-logits), reached[:, -1:]], dim=-1)


@LOSSES.register("coral")
def coral(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the binary cross-entropies of P(y > k), summed over k, (B,).

    This is the loss of CORAL (Cao et al., arXiv:1901.07884) with equal weights, for which
    an error costs more the more classes it spans.

    Args:
        head: unused.
        logits: log-probabilities of the classes, (B, C).
        labels: class indices, (B,).
    """
    log_p = logits.log_softmax(dim=-1)
    not_above = log_p.logcumsumexp(dim=-1)[:, :-1]
    above = log_p.flip(-1).logcumsumexp(dim=-1).flip(-1)[:, 1:]
    is_above = labels[:, None] > torch.arange(above.shape[-1], device=labels.device)
    return -torch.where(is_above, above, not_above).sum(dim=-1)
