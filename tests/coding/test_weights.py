"""Identity and coder of weights: the same while the weights are, others as soon as one changes, by whatever way."""

import copy
import pickle

import pytest
import torch

from hypersound_lib.errors import ConfigError
from tests.local.small import RATE, make_model, sound


@pytest.fixture
def model():
    return make_model()


def test_both_are_kept_while_weights_stay(model):
    coder, identity = model.coder(), model.identity()
    assert model.coder() is coder
    assert model.eval().requires_grad_(False).coder() is coder
    assert model.identity() == identity
    model.load_state_dict(make_model().state_dict())
    assert model.coder() is coder, "the same weights, read again"


@pytest.mark.parametrize(
    "where", ["encoder.network.0.bias", "entropy.near.0.layers.0.weight", "entropy.wave_table.frequencies"]
)
def test_a_change_in_one_tensor_is_seen(model, where):
    coder, identity = model.coder(), model.identity()
    weight = model.state_dict()[where]
    before = weight.clone()
    weight.data.copy_(before.flip(-1))  # which no counter of changes in place counts
    assert model.identity() != identity
    assert model.coder() is not coder
    weight.data.copy_(before)
    assert model.identity() == identity


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_model_that_has_compressed_can_be_copied(model, copied):
    x = sound(1000)
    data = model.compress(x, RATE, quality=5)
    other = copied(model)
    assert other.compress(x, RATE, quality=5) == data
    assert other.coder() is not model.coder()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_have_no_identity(model, value):
    with torch.no_grad():
        model.steps.common[3] = value
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"steps\.common holds NaN or Inf"):
            model.identity()
