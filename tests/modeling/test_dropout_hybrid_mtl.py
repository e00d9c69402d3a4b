import pytest
import torch
from torch import nn

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.dropout_hybrid_mtl import Dropout, drop, use_fast_dropout
from tests.modeling.toy_models import TASKS, toy_model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_a_share_is_zero_and_the_rest_scaled(p, dtype):
    torch.manual_seed(1)
    found = drop(torch.ones(999, 1001, dtype=dtype), p)
    assert found.dtype == dtype
    kept = found[found != 0]
    # Four standard deviations of a share of a million entries.
    assert 1 - len(kept) / found.numel() == pytest.approx(p, abs=4 * (p * (1 - p) / 1e6) ** 0.5)
    assert kept.unique().tolist() == pytest.approx([1 / (1 - p)], rel=1e-2)


def test_every_entry_is_drawn_on_its_own():
    torch.manual_seed(1)
    zeros = torch.stack([drop(torch.ones(64), 0.3) == 0 for _ in range(20_000)]).float()
    assert zeros.mean(dim=0).sub(0.3).abs().max() < 0.02
    # Four entries come from the same draw.
    together = zeros.T.corrcoef().fill_diagonal_(0)
    assert together.abs().max() < 0.04


def test_what_was_dropped_gets_no_gradient():
    torch.manual_seed(1)
    x = torch.randn(7, 5, requires_grad=True)
    found = drop(x, 0.4)
    found.sum().backward()
    torch.testing.assert_close(x.grad * x, found)


def test_the_seed_decides():
    x = torch.randn(50)
    torch.manual_seed(3)
    first = drop(x, 0.5)
    again = drop(x, 0.5)
    torch.manual_seed(3)
    assert torch.equal(drop(x, 0.5), first)
    assert not torch.equal(again, first)


def test_none_and_all():
    x = torch.randn(3, 4)
    assert torch.equal(drop(x, 0.0), x)
    assert torch.equal(drop(x, 1.0), torch.zeros(3, 4))
    with pytest.raises(ValueError, match="between 0 and 1"):
        drop(x, 1.5)
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_other_devices_use_torchs():
    assert drop(torch.ones(4, 4, device="meta"), 0.5).device.type == "meta"


def test_a_compiled_model_uses_torchs():
    compiled = torch.compile(lambda x: drop(x, 0.5), backend="eager", fullgraph=True)
    found = compiled(torch.ones(1000))
    assert 0.4 < (found == 0).float().mean() < 0.6


def test_every_plain_dropout_of_a_model_is_replaced():
    class Own(nn.Dropout):
        pass

    model = nn.Sequential(nn.Dropout(0.3), nn.Sequential(Own(0.2), nn.Dropout(0.0)))
    use_fast_dropout(model)
    kinds = [type(m) for m in model.modules() if isinstance(m, nn.Dropout)]
    assert kinds == [Dropout, Own, Dropout]
    assert model[0].p == 0.3


def test_an_encoder_has_it_new_and_loaded(tmp_path):
    toy_model().save_pretrained(tmp_path / "model")
    toy_model().backbone.save_pretrained(tmp_path / "encoder")
    for model in (
        toy_model(),
        HybridMTLModel.from_pretrained(tmp_path / "model"),
        HybridMTLModel.from_backbone(str(tmp_path / "encoder"), TASKS),
    ):
        found = [m for m in model.backbone.modules() if isinstance(m, nn.Dropout)]
        assert len(found) == 7 and {type(m) for m in found} == {Dropout}
