from threading import Barrier, Thread

import pytest
import torch

from modeling_hybrid_mtl import onednn_hybrid_mtl
from modeling_hybrid_mtl.onednn_hybrid_mtl import onednn_matmul
from tests.modeling.toy_models import toy_model
from tests.toys import toy_trainer

SETTING = torch.backends.mkldnn.matmul


@pytest.fixture
def is_faster(monkeypatch):
    """A processor on which oneDNN is faster, and as exact."""
    monkeypatch.setattr(onednn_hybrid_mtl, "_is_faster", lambda: True)
    monkeypatch.setattr(onednn_hybrid_mtl, "_is_exact", lambda: True)
    monkeypatch.setattr(onednn_matmul, "_is_enabled", None)


@pytest.mark.usefixtures("is_faster")
def test_the_setting_is_the_blocks_and_restored_after_it():
    before = SETTING.fp32_precision
    with onednn_matmul:
        with onednn_matmul:
            assert SETTING.fp32_precision == "bf16"
        assert SETTING.fp32_precision == "bf16"
    assert SETTING.fp32_precision == before == "none"
    with pytest.raises(KeyError), onednn_matmul:
        raise KeyError
    assert SETTING.fp32_precision == "none"


@pytest.mark.usefixtures("is_faster")
def test_threads_that_leave_in_any_order_leave_the_setting_as_it_was():
    inside, outside = Barrier(2), Barrier(2)

    def first():
        with onednn_matmul:
            inside.wait()
        outside.wait()

    thread = Thread(target=first)
    thread.start()
    with onednn_matmul:
        inside.wait()
        outside.wait()
        assert SETTING.fp32_precision == "bf16"
    thread.join()
    assert SETTING.fp32_precision == "none"


@pytest.mark.usefixtures("is_faster")
def test_a_precision_that_somebody_chose_is_theirs():
    SETTING.fp32_precision = "ieee"
    try:
        with onednn_matmul:
            assert SETTING.fp32_precision == "ieee"
        assert SETTING.fp32_precision == "ieee"
    finally:
        SETTING.fp32_precision = "none"


@pytest.mark.usefixtures("is_faster")
@pytest.mark.parametrize(("faster", "exact"), [(False, True), (True, False)])
def test_another_processor_keeps_its_products(monkeypatch, faster, exact):
    monkeypatch.setattr(onednn_hybrid_mtl, "_is_faster", lambda: faster)
    monkeypatch.setattr(onednn_hybrid_mtl, "_is_exact", lambda: exact)
    with onednn_matmul:
        assert SETTING.fp32_precision == "none"


def test_rounding_to_bfloat16_would_be_noticed(monkeypatch):
    real = torch.full
    rounded = lambda *given: real(*given).bfloat16().float()  # noqa: E731
    monkeypatch.setattr(torch, "full", rounded)
    assert not onednn_hybrid_mtl._is_exact()


def test_products_inside_are_float32_products():
    torch.manual_seed(0)
    for rows, inner, columns in ((800, 384, 1536), (7, 384, 384), (1, 1536, 384)):
        left, right = torch.randn(rows, inner), torch.randn(inner, columns)
        with onednn_matmul:
            found = left @ right
        expected = (left.double() @ right.double()).float()
        # Rounded to bfloat16 they would be off by 0.1.
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.usefixtures("is_faster")
def test_the_encoder_and_training_are_inside(tmp_path):
    seen = {}
    model = toy_model().eval()
    hook = lambda *_: seen.update(encoder=SETTING.fp32_precision)  # noqa: E731
    model.backbone.register_forward_hook(hook)
    model(torch.tensor([[2, 5, 3]]), task="mood")
    trainer = toy_trainer(tmp_path, max_steps=1)
    weight = next(trainer.model.backbone.parameters())
    weight.register_hook(lambda gradient: seen.update(backward=SETTING.fp32_precision))
    trainer.train()
    assert seen == {"encoder": "bf16", "backward": "bf16"}
    assert SETTING.fp32_precision == "none"


@pytest.mark.usefixtures("is_faster")
def test_who_meets_many_sizes_keeps_the_usual_products(tmp_path):
    seen = []
    model = toy_model("albert").eval()
    model.backbone.register_forward_hook(lambda *_: seen.append(SETTING.fp32_precision))
    model(torch.tensor([[2, 5, 3]]), task="mood")
    trainer = toy_trainer(tmp_path, max_steps=1)
    trainer.model.unpadding = False
    weight = next(trainer.model.backbone.parameters())
    weight.register_hook(lambda gradient: seen.append(SETTING.fp32_precision))
    trainer.train()
    assert set(seen) == {"none"} and len(seen) > 1
