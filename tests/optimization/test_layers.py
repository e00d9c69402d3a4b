"""Parameters by their distance from the top of the encoder."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModel

from tests.modeling.toy_models import toy_model
from tests.toys import toy_trainer
from trainer.errors import InputError
from trainer.optimization.layers import params_by_layer


class Encoder(nn.Module):
    """Word embeddings outside any module of embeddings, two layers, and a norm behind them."""

    def __init__(self, layers):
        super().__init__()
        self.config = SimpleNamespace(num_hidden_layers=2, model_type="odd")
        self.last_norm = nn.LayerNorm(3)
        self.blocks = nn.ModuleList(nn.Linear(3, 3) for _ in range(layers))
        self.words = nn.Embedding(5, 3)
        self.between = nn.Linear(3, 3)

    def forward(self, input_ids, attention_mask):
        first, last = self.blocks
        return self.last_norm(last(self.between(first(self.words(input_ids)))))


class Model(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.backbone = encoder


def test_parameters_outside_the_encoder_are_at_the_top():
    model = Model(Encoder(2))
    model.shared_layers = nn.Sequential(nn.Dropout(0.1), nn.Linear(3, 3))
    last = [name for name, _ in params_by_layer(model, list(model.named_parameters()))[0]]
    assert {"shared_layers.1.weight", "shared_layers.1.bias"} <= set(last)


def depths(model):
    found = params_by_layer(model, list(model.named_parameters()))
    return {depth: {name.split(".")[1] for name, _ in own} for depth, own in found.items()}


def test_what_is_behind_a_layer_goes_with_it_wherever_it_was_registered():
    model = Model(Encoder(2))
    assert depths(model) == {0: {"last_norm", "blocks"}, 1: {"blocks", "between"}, 2: {"words"}}
    last = [name for name, _ in params_by_layer(model, list(model.named_parameters()))[0]]
    assert "backbone.blocks.1.weight" in last and "backbone.blocks.0.weight" not in last


RELATIVE = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
V2 = {**RELATIVE, "norm_rel_ebd": "layer_norm", "conv_kernel_size": 3, "position_buckets": 8}
NAMES_OF_XLM = {"emb_dim": 16, "n_layers": 3, "n_heads": 2}
# Type of encoder, options, and modules outside of the layers with the depth of each.
ODD = [
    ("electra", {"embedding_size": 8}, {"embeddings_project": 3, "embeddings": 3}),
    ("roformer", {"embedding_size": 8}, {"embeddings_project": 3}),
    ("rembert", {"input_embedding_size": 8}, {"encoder.embedding_hidden_mapping_in": 3}),
    ("deberta", RELATIVE, {"encoder.rel_embeddings": 3, "embeddings": 3}),
    (
        "deberta-v2",
        V2,
        {"encoder.rel_embeddings": 3, "encoder.LayerNorm": 3, "encoder.conv": 2},
    ),
    ("mpnet", {}, {"encoder.relative_attention_bias": 3, "pooler": 0}),
    ("xlm", NAMES_OF_XLM, {"layer_norm_emb": 3, "ffns.0": 2, "ffns.2": 0, "layer_norm2.1": 1}),
    ("esm", {"position_embedding_type": "rotary"}, {"encoder.emb_layer_norm_after": 0}),
    ("modernbert", {}, {"embeddings": 3, "layers.0": 2, "final_norm": 0}),
    ("distilbert", {}, {"embeddings": 3, "transformer.layer.1": 1}),
]


@pytest.mark.parametrize(("kind", "options", "expected"), ODD, ids=[odd[0] for odd in ODD])
def test_every_family_s_parameters_are_as_deep_as_they_are_read(kind, options, expected):
    fields = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 3, "pad_token_id": 0}
    fields |= {"num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 40}
    fields |= dict.fromkeys(["bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"], 1)
    config = AutoConfig.for_model(kind, **{**fields, "mask_token_id": 4, **options})
    model = Model(AutoModel.from_config(config)).train()
    state = torch.get_rng_state()
    found = params_by_layer(model, list(model.named_parameters()))
    assert list(found) == [0, 1, 2, 3] and model.backbone.training
    assert torch.equal(torch.get_rng_state(), state)
    assert sum(map(len, found.values())) == len(list(model.named_parameters()))
    for module, depth in expected.items():
        names = {n for n, _ in model.named_parameters() if n.startswith(f"backbone.{module}.")}
        assert names and names <= {name for name, _ in found[depth]}, module


def test_all_that_stands_before_the_first_layer_comes_last():
    model = toy_model()
    backbone = [item for item in model.named_parameters() if item[0].startswith("backbone.")]
    found = params_by_layer(model, backbone)
    count = model.config.backbone_config.num_hidden_layers
    expected = {name for name, _ in backbone if name.startswith("backbone.embeddings.")}
    assert {name for name, _ in found[count]} == expected
    assert list(found) == list(range(count + 1))


def test_additions_are_as_deep_as_their_layers(tmp_path):
    trainer = toy_trainer(
        tmp_path, trainable="lora", layer_decay=0.5, learning_rate=8e-3, max_steps=1
    )
    optimizer = trainer.create_optimizer()
    names = {id(p): n for n, p in trainer.model.named_parameters()}
    for group in optimizer.param_groups:
        for name in (names[id(p)] for p in group["params"] if ".lora_" in names[id(p)]):
            assert group["lr"] == (8e-3 if "layer.1." in name else 4e-3), name


def test_a_wrapper_for_several_processes_is_looked_through():
    wrapper = nn.Module()
    wrapper.module = Model(Encoder(2))
    assert list(params_by_layer(wrapper, list(wrapper.module.named_parameters()))) == [0, 1, 2]


def test_an_encoder_without_a_list_of_layers_is_refused_by_its_type():
    with pytest.raises(InputError, match="^layer_decay: an encoder of type odd has no list of"):
        depths(Model(Encoder(3)))
