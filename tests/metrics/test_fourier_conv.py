"""Convolution in the Fourier domain: the numbers of nn.Conv1d at any length, stride and number of channels."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hypersound_lib.metrics.fourier_conv import FourierConv1d


@settings(max_examples=40)
@given(
    length=st.integers(1, 700),
    channels=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    taps=st.sampled_from([1, 3, 15]),
    stride=st.integers(1, 3),
)
def test_it_gives_what_the_layer_gives(length, channels, taps, stride):
    torch.manual_seed(length)
    layer = nn.Conv1d(*channels, taps, stride=stride, padding=taps // 2).double()
    x = torch.randn(channels[0], length, dtype=torch.float64)
    torch.testing.assert_close(FourierConv1d(layer)(x), layer(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "layer", [nn.Conv1d(1, 1, 4, padding=2), nn.Conv1d(1, 1, 3), nn.Conv1d(2, 2, 3, padding=1, groups=2)], ids=str
)
def test_other_layers_are_refused(layer):
    with pytest.raises(ValueError, match="only plain layers"):
        FourierConv1d(layer)
