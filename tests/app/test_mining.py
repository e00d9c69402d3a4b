"""The most similar pairs are those of all cosines, whatever the blocks."""

import pytest
import torch

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

from trainer.app.mining import most_similar_pairs


@pytest.mark.parametrize("block", [1, 3, 7, 50])
@pytest.mark.parametrize("count", [1, 10, 2000])
def test_the_pairs_are_the_highest_of_all_cosines(block, count):
    vectors = torch.randn(41, 6, generator=torch.Generator().manual_seed(0))
    cosines = torch.cosine_similarity(vectors[:, None], vectors[None], dim=-1)
    every = [(cosines[i, j].item(), i, j) for i in range(41) for j in range(i + 1, 41)]
    expected = sorted(every, reverse=True)[:count]
    found = most_similar_pairs(vectors, count, block)
    assert [pair[1:] for pair in found] == [pair[1:] for pair in expected]
    assert [pair[0] for pair in found] == pytest.approx([pair[0] for pair in expected], abs=1e-5)


def test_equal_cosines_come_in_the_order_of_the_texts():
    pairs = most_similar_pairs(torch.ones(5, 2), 4, block=2)
    assert len(pairs) == 4 and pairs == sorted(pairs, key=lambda pair: pair[1:])


def test_memory_is_bounded_by_the_block_not_by_the_corpus(monkeypatch):
    sizes = []
    matmul = torch.Tensor.__matmul__

    def counted(self, other):
        product = matmul(self, other)
        sizes.append(product.numel())
        return product

    monkeypatch.setattr(torch.Tensor, "__matmul__", counted)
    most_similar_pairs(torch.randn(100, 4), 5, block=16)
    assert max(sizes) == 16 * 16 and len(sizes) == 28


def test_a_text_and_its_double_have_the_cosine_one_and_no_more():
    vectors = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    vectors[30] = vectors[17] * 3
    ((cosine, i, j),) = most_similar_pairs(vectors, 1)
    assert (i, j) == (17, 30) and 0.9999 < cosine <= 1
