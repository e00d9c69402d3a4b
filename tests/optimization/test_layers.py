"""Parameters by their distance from the top of the encoder."""

from types import SimpleNamespace

import pytest
from torch import nn

from tests.modeling.toy_models import toy_model
from trainer.errors import InputError
from trainer.optimization.layers import by_depth


class Encoder(nn.Module):
    """Word embeddings outside any module of embeddings, two layers, and a norm behind them."""

    def __init__(self, layers):
        super().__init__()
        self.config = SimpleNamespace(num_hidden_layers=2, model_type="odd")
        self.last_norm = nn.LayerNorm(3)
        self.blocks = nn.ModuleList(nn.Linear(3, 3) for _ in range(layers))
        self.words = nn.Embedding(5, 3)

    def get_input_embeddings(self):
        return self.words


class Model(nn.Module):
    def __init__(self, layers=2):
        super().__init__()
        self.backbone = Encoder(layers)


def depths(model):
    found = by_depth(model, list(model.named_parameters()))
    return {depth: {name.split(".")[1] for name, _ in own} for depth, own in found.items()}


def test_what_is_behind_the_layers_goes_with_the_last_of_them():
    model = Model()
    assert depths(model) == {0: {"last_norm", "blocks"}, 1: {"blocks"}, 2: {"words"}}
    last = [name for name, _ in by_depth(model, list(model.named_parameters()))[0]]
    assert "backbone.blocks.1.weight" in last and "backbone.blocks.0.weight" not in last


def test_all_that_stands_before_the_first_layer_comes_last():
    model = toy_model()
    backbone = [item for item in model.named_parameters() if item[0].startswith("backbone.")]
    found = by_depth(model, backbone)
    count = model.config.backbone_config.num_hidden_layers
    expected = {name for name, _ in backbone if name.startswith("backbone.embeddings.")}
    assert {name for name, _ in found[count]} == expected
    assert list(found) == list(range(count + 1))


def test_a_wrapper_for_several_processes_is_looked_through():
    wrapper = nn.Module()
    wrapper.module = Model()
    assert list(by_depth(wrapper, list(wrapper.module.named_parameters()))) == [0, 1, 2]


def test_an_encoder_without_a_list_of_layers_is_refused_by_its_type():
    with pytest.raises(InputError, match="^layer_decay: an encoder of type odd has no list of"):
        depths(Model(layers=3))
