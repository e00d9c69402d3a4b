import torch

from trainer.objective.loss_weights.adam import AdamState

NO, YES = torch.tensor(0.0), torch.tensor(1.0)


def test_steps_are_those_of_torch_and_skipped_ones_change_nothing():
    vector, parameter = torch.tensor([1.0, -2.0]), torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    ours = AdamState(2, lr=0.1, weight_decay=0.01)
    theirs = torch.optim.Adam([parameter], lr=0.1, weight_decay=0.01)
    for gradient in torch.tensor([[0.5, 3.0], [-1.0, 2.0], [0.1, 0.1]]):
        ours.update(vector, torch.full((2,), torch.nan), YES)
        ours.update(vector, gradient, NO)
        parameter.grad = gradient
        theirs.step()
    torch.testing.assert_close(vector, parameter.detach())
    assert ours.step.item() == 3
