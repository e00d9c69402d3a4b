"""Attention of rows by kernels that take the texts' beginnings, with one on the CPU for theirs."""

import pytest
import torch

from modeling_hybrid_mtl import unpadding_hybrid_mtl, varlen_attention_hybrid_mtl
from modeling_hybrid_mtl.attention_hybrid_mtl import Block, Blocks
from modeling_hybrid_mtl.unpadding_hybrid_mtl import (
    FAMILIES,
    Unpadding,
    enable_unpadding,
    encode_unpadded,
)
from modeling_hybrid_mtl.varlen_attention_hybrid_mtl import (
    KERNELS,
    Ragged,
    flash,
    kernel_for,
    memory_efficient,
)
from tests.modeling.toy_models import (
    LENGTHS,
    encoder_of,
    labeled_batches,
    row_of_texts,
    toy_batch,
    toy_model,
)

close = {"rtol": 1e-4, "atol": 1e-5}


def reference(query, key, value, starts, longest, dropout_p, scale, window):
    """A kernel as those of an accelerator, by the plain formula, text by text."""
    ends = starts.tolist()
    lengths = [end - start for start, end in zip(ends, ends[1:], strict=False)]
    assert starts.dtype == torch.int32 and longest == max(lengths) and ends[-1] == len(query)
    parts = zip(*(x.split(lengths) for x in (query, key, value)), strict=True)
    return torch.cat(
        [
            Block([length]).attend(*own, dropout_p=dropout_p, scale=scale, window=window)
            for length, own in zip(lengths, parts, strict=True)
        ]
    )


@pytest.fixture
def as_on_a_device(monkeypatch):
    """Rows are read as an accelerator reads them; the value is the calls of the kernel."""
    calls = []

    def kernel(*arguments):
        calls.append(arguments)
        return reference(*arguments)

    monkeypatch.setattr(varlen_attention_hybrid_mtl, "KERNELS", (kernel,))
    monkeypatch.setattr(unpadding_hybrid_mtl, "_is_cpu", lambda device: False)
    kernel_for.cache_clear()
    yield calls
    kernel_for.cache_clear()


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_kernel_gives_the_vectors_of_a_padded_pass(kind, as_on_a_device):
    encoder, batch = encoder_of(kind), toy_batch(LENGTHS)
    padded = encoder(**batch).last_hidden_state
    enable_unpadding(encoder)
    unpadded = encode_unpadded(encoder, batch["attention_mask"], input_ids=batch["input_ids"])
    mask = batch["attention_mask"].bool()
    torch.testing.assert_close(unpadded[mask], padded[mask], **close)
    assert (unpadded[~mask] == 0).all()
    # One call a layer, after the two of the question whether the kernel is right.
    assert len([call for call in as_on_a_device if len(call[0]) == 128]) == 2


def test_tokens_see_no_further_than_their_window(as_on_a_device):
    encoder, batch = encoder_of("modernbert", local_attention=6), toy_batch(LENGTHS)
    padded = encoder(**batch).last_hidden_state
    enable_unpadding(encoder)
    unpadded = encode_unpadded(encoder, batch["attention_mask"], input_ids=batch["input_ids"])
    mask = batch["attention_mask"].bool()
    torch.testing.assert_close(unpadded[mask], padded[mask], **close)
    assert {call[-1] for call in as_on_a_device} == {3, None}


def test_a_cycle_takes_one_pass(as_on_a_device):
    model = toy_model()
    batches = labeled_batches()
    together = model.forward_tasks(batches)
    passes = [call for call in as_on_a_device if len(call[0]) != 17]
    assert len(passes) == 2 and {len(call[0]) % 64 for call in passes} == {0}
    model.unpadding = False
    for task, batch in batches.items():
        wanted = model(**batch, task=task)
        if task != "tags":  # which has logits where there is padding, too
            torch.testing.assert_close(together[task].logits, wanted.logits, **close)
        torch.testing.assert_close(together[task].loss, wanted.loss, **close)


@pytest.mark.parametrize("kind", [kind for kind in FAMILIES if kind != "modernbert"])
def test_a_padded_pass_does_not_ask_whether_anything_is_padding(kind, monkeypatch):
    model, batch = toy_model(kind), toy_batch([5, 3, 7])
    model.unpadding = False
    read = batch["attention_mask"].bool()
    wanted = model(**batch).last_hidden_state[read]
    monkeypatch.setattr(unpadding_hybrid_mtl, "_is_cpu", lambda device: False)
    monkeypatch.setattr(torch.Tensor, "all", None)  # so that asking would fail
    torch.testing.assert_close(model(**batch).last_hidden_state[read], wanted, **close)


def test_the_spare_tokens_are_one_more_text():
    unpadding = Unpadding.from_mask(toy_batch([5, 3])["attention_mask"], "meta")
    assert isinstance(unpadding.attention, Ragged)
    assert unpadding.attention.lengths == [3, 5, 56] and unpadding.spare == 56
    assert unpadding.attention.longest == 56
    none = Unpadding.from_mask(toy_batch([32, 32])["attention_mask"], "meta")
    assert none.attention.lengths == [32, 32] and none.spare == 0


def test_without_a_kernel_all_texts_are_one_block():
    lengths = [2, 9, 12]
    ragged = Ragged(lengths, "cpu")  # where torch has no such kernel
    found = ragged.attend(*row_of_texts(lengths), window=4)
    torch.testing.assert_close(found, Blocks(lengths).attend(*row_of_texts(lengths), window=4))
    assert ragged._blocks is not None


class TestWhichKernel:
    @pytest.fixture(autouse=True)
    def forget(self):
        kernel_for.cache_clear()
        yield
        kernel_for.cache_clear()

    def choose(self, monkeypatch, *kernels, dtype=torch.float32, window=False):
        monkeypatch.setattr(varlen_attention_hybrid_mtl, "KERNELS", kernels)
        kernel_for.cache_clear()
        return kernel_for(torch.device("cpu"), dtype, 8, window)

    def test_one_that_is_right_is_taken(self, monkeypatch):
        assert self.choose(monkeypatch, reference) is reference
        assert self.choose(monkeypatch, reference, dtype=torch.bfloat16) is reference
        assert self.choose(monkeypatch, reference, window=True) is reference

    def test_one_that_is_missing_is_passed_over(self, monkeypatch):
        assert self.choose(monkeypatch, *KERNELS, reference) is reference
        assert self.choose(monkeypatch, *KERNELS) is None

    def test_one_that_lets_texts_see_each_other_is_passed_over(self, monkeypatch):
        def mixing(query, key, value, starts, longest, *rest):
            ends = torch.tensor([0, len(query)], dtype=torch.int32)
            return reference(query, key, value, ends, len(query), *rest)

        assert self.choose(monkeypatch, mixing, reference) is reference

    def test_one_with_wrong_gradients_is_passed_over(self, monkeypatch):
        def crooked(query, *rest):
            return reference(query + query.detach() - query.detach().clone() * 1.0, *rest).detach()

        assert self.choose(monkeypatch, crooked) is None

    def test_one_that_ignores_the_window_is_passed_over(self, monkeypatch):
        def wide(*arguments):
            return reference(*arguments[:-1], None)

        assert self.choose(monkeypatch, wide) is wide
        assert self.choose(monkeypatch, wide, window=True) is None

    def test_who_asks_in_inference_mode_spoils_nothing(self, monkeypatch):
        with torch.inference_mode():
            assert self.choose(monkeypatch, reference) is reference

    def test_a_full_memory_says_nothing_of_a_kernel(self, monkeypatch):
        def full(*_):
            raise torch.OutOfMemoryError("CUDA out of memory")

        with pytest.raises(torch.OutOfMemoryError):
            self.choose(monkeypatch, full, reference)

    def test_asking_draws_no_random_numbers(self, monkeypatch):
        before = torch.get_rng_state()
        self.choose(monkeypatch, reference)
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kernel", [flash, memory_efficient])
def test_torchs_kernels_are_called_as_their_schemas_say(kernel):
    """Shapes alone, and no numbers: there is no such kernel on a CPU."""
    query, key, value = (
        torch.empty(17, 2, 8, dtype=torch.bfloat16, device="meta", requires_grad=True)
        for _ in range(3)
    )
    starts = torch.empty(3, dtype=torch.int32, device="meta")
    found = kernel(query, key, value, starts, 12, 0.1, 0.3, None)
    assert found.shape == query.shape
    if kernel is flash:  # torch's stand-in for the other's backward pass takes other arguments
        found.sum().backward()
        assert query.grad is not None and query.grad.shape == query.shape


def test_memory_efficient_attention_refuses_a_window():
    with pytest.raises(ValueError, match="not support a window"):
        memory_efficient(*row_of_texts([3]), None, 3, 0.0, None, 2)
