"""What no step can be faster than: just the products of its passes."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed.products import Products, _attention_seconds, _linear_seconds
from tests.modeling.toy_models import toy_model

TEXTS, LENGTH = 3, 8


@pytest.fixture
def encoder():
    return toy_model(attn_implementation="eager").backbone.train()


def counted(way):
    counter = FlopCounterMode(display=False)
    with counter:
        way()
    return counter.get_total_flops()


def test_the_products_are_those_of_a_pass_and_its_gradients(encoder):
    config = encoder.config

    def step():
        ids = torch.arange(TEXTS * LENGTH).view(TEXTS, LENGTH) % config.vocab_size
        encoder(input_ids=ids).last_hidden_state.sum().backward()

    products = Products(encoder, LENGTH)
    width = config.hidden_size // config.num_attention_heads
    with torch.no_grad():
        linear = counted(lambda: _linear_seconds(products.weights, TEXTS * LENGTH))
        attention = counted(
            lambda: _attention_seconds(TEXTS * config.num_attention_heads, LENGTH, width)
        )
    assert linear + config.num_hidden_layers * attention == counted(step)


def test_every_pass_is_timed(encoder):
    products = Products(encoder, LENGTH)
    products.seconds([24])  # the first in a process also asks which library to take
    one = counted(lambda: products.seconds([24]))
    assert counted(lambda: products.seconds([24, 24, 24])) == 3 * one
    assert products.seconds([24]) > 0
