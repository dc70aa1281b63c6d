"""Convolution in the Fourier domain: the numbers of nn.Conv1d at any length, stride and number of channels."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hypersound_lib.metrics.cdpam import FourierConv1d


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
