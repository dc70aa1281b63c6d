"""Sounds compared in blocks: the numbers are those of the whole sounds, wherever they are cut."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.errors import ConfigError, MetricRefused
from hypersound_lib.metrics import lsd, nmse, snr
from hypersound_lib.metrics.blocks import compare_blocks


@settings(max_examples=25)
@given(
    rate=st.sampled_from([100, 8000, 11025, 22050, 44100]),
    seconds=st.floats(0.03, 0.5),
    sizes=st.tuples(st.integers(1, 7000), st.integers(1, 7000)),
    seed=st.integers(0, 99),
)
@pytest.mark.slow
def test_blocks_say_what_the_whole_says(rate, seconds, sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(math.ceil(seconds * rate), generator=generator) / 4
    y = x + torch.randn(len(x), generator=generator) / 9
    values = compare_blocks(x.split(max(1, sizes[0] * rate // 44100)), y.split(sizes[1]), rate)
    expected = {"snr": snr(x, y), "nmse": nmse(x, y), "lsd": lsd(x, y, rate)}
    for name, value in expected.items():
        assert values[name] == pytest.approx(value.item(), rel=1e-4), name


def test_what_has_no_value_has_a_reason():
    x = torch.ones(186)
    values = compare_blocks([x], [x], 8000)
    assert (values["snr"], values["nmse"]) == (math.inf, 0.0)
    assert isinstance(values["lsd"], MetricRefused)
    assert str(values["lsd"]) == "a spectrum at 8000 Hz needs more than 186 samples, not 186"
    assert compare_blocks([0 * x], [x], 8000)["snr"] == -math.inf


@pytest.mark.parametrize("lengths", [(9, 8), (8, 9)])
def test_other_lengths_are_refused(lengths):
    with pytest.raises(ConfigError, match="not with one of 1 samples more"):
        compare_blocks(*(torch.ones(length).split(3) for length in lengths), 8000)
