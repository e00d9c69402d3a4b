"""PCGrad: projects away the conflicts between the tasks' gradients."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from modeling_hybrid_mtl.attention_hybrid_mtl import to_device
from trainer.objective.aggregators.base import AggregatorOptions, GramianAggregator
from trainer.objective.aggregators.draws import Draws
from trainer.registry import AGGREGATORS


@AGGREGATORS.register("pcgrad")
class PCGrad(GramianAggregator):
    """Gradient surgery (Algorithm 1 of https://arxiv.org/abs/2001.06782).

    Each task's gradient is compared with the others' in random order; where the dot product is
    negative, its component along the other is removed. In coordinates of the K given gradients this
    needs the Gramian only. torchjd inspects every product on the host; here all K gradients are
    projected at once, without synchronization of an accelerator.
    """

    on_device = True

    def __init__(self, tasks: Sequence[str], options: AggregatorOptions):
        super().__init__(tasks, options)
        self.draws = Draws(options.seed)

    def weights(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        count = len(tasks)
        if count == 1:
            return torch.ones_like(gramian[0])
        with self.draws.next_step():
            orders = [torch.randperm(count).tolist() for _ in tasks]
        other_tasks = torch.tensor([[j for j in order if j != i] for i, order in enumerate(orders)])
        # Row i: coordinates of task i's projected gradient in terms of the given ones.
        projected = torch.eye(count, dtype=gramian.dtype, device=gramian.device)
        for others in to_device(other_tasks.T.unsqueeze(-1), gramian.device):
            products = (gramian[others[:, 0]] * projected).sum(dim=1, keepdim=True)
            squares = gramian.diagonal()[others]
            # Zero gradients have no conflict, but would yield 0/0.
            shares = torch.where(products < 0, products / squares, 0.0)
            projected = projected.scatter_add(1, others, -shares)
        return projected.sum(dim=0)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.draws.step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.draws.step = state["step"]
