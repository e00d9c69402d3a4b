import pytest
import torch

from trainer.saving.trainer_state import STATE_FILE, load_state, save_state

STATES = {"aggregator": {"seed": 3, "target": torch.arange(4.0)}, "weights": {"decay": 0.9}}


# Each of several processes on a CPU has the first, a single one the other.
@pytest.mark.parametrize("device", [torch.device("cpu", 0), torch.device("cpu")])
def test_what_was_saved_is_loaded_on_any_cpu(tmp_path, device):
    save_state(tmp_path, STATES)
    found = load_state(tmp_path, device)
    assert found["aggregator"]["target"].equal(STATES["aggregator"]["target"])
    assert found["aggregator"]["seed"] == 3 and found["weights"] == {"decay": 0.9}
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


def test_nothing_is_loaded_where_nothing_was_saved(tmp_path):
    assert load_state(tmp_path, torch.device("cpu")) == {}


def test_one_tensor_under_two_names_is_saved_twice(tmp_path):
    shared = torch.ones(2)
    save_state(tmp_path, {"a": {"x": shared, "y": shared.view(2)}})
    assert all(
        value.equal(shared) for value in load_state(tmp_path, torch.device("cpu"))["a"].values()
    )
