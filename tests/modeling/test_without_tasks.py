import pytest
import torch
from transformers import AutoModel

from tests.toys import TASKS, toy_model

IDS = torch.tensor([[2, 5, 6, 3]])


def test_a_model_without_some_heads_is_saved_without_them(tmp_path):
    model = toy_model().eval()
    smaller = model.without_tasks(["same", "near"])
    smaller.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(tmp_path)
    assert list(loaded.config.tasks) == ["mood"] == list(loaded.heads)
    with torch.no_grad():
        expected = model(IDS, task="mood").logits
        assert torch.equal(smaller(IDS, task="mood").logits, expected)
        torch.testing.assert_close(loaded.eval()(IDS, task="mood").logits, expected)


def test_the_model_itself_stays_as_it_was():
    model = toy_model()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    smaller = model.without_tasks(["mood"])
    assert list(model.heads) == list(TASKS) == list(model.config.tasks)
    assert list(smaller.heads) == ["same", "near"]
    with torch.no_grad():
        for parameter in smaller.parameters():
            parameter.zero_()
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_the_adapters_of_the_tasks_go_with_them(tmp_path):
    model = toy_model().eval()
    model.attach_task_adapters(["mood", "same"], target_modules=["query"])
    smaller = model.without_tasks(["same"])
    smaller.save_pretrained(tmp_path)
    assert list(smaller.config.adapters) == ["mood"]
    assert not any(".same." in name for name, _ in smaller.named_parameters())
    with torch.no_grad():
        expected = model(IDS, task="mood").logits
        loaded = AutoModel.from_pretrained(tmp_path).eval()
        torch.testing.assert_close(loaded(IDS, task="mood").logits, expected)


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="no task 'tone' in this model"):
        toy_model().without_tasks(["tone"])
