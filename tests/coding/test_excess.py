"""What is beyond the tables: steady tones are foretold, only the past is looked at, and every integer comes back."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib.coding.excess import CONTEXTS, DIGITS, FRAMES, WAVES, ExcessModel, digits
from hypersound_lib.coding.tables import ProbabilityTable
from tests.coding.small import integers
from tests.local.shipped import load_shipped
from tests.local.signals import SIGNALS

LARGEST = 19
MODEL = ExcessModel(LARGEST, ProbabilityTable(CONTEXTS, DIGITS))


def drawn(seed, scale=100.0):
    return integers(2, 12, seed, scale)[1].double()


@given(st.lists(st.one_of(st.integers(0, 60), st.integers(0, 2**24)), min_size=1, max_size=20))
def test_digits_are_those_of_binary_numbers(numbers):
    for dtype in (torch.float32, torch.float64):
        assert digits(torch.tensor(numbers, dtype=dtype)).tolist() == [n.bit_length() for n in numbers]


@given(st.integers(0, 10**6), st.sampled_from([3.0, 100.0, 1e4, 1e8]))
def test_sizes_come_back_whatever_is_expected(seed, scale):
    y = MODEL.clipped(drawn(seed, scale))
    expected = MODEL.expected(y)
    sent, beyond = MODEL.sent(y, expected), y.abs() >= LARGEST
    assert torch.equal(sent > 0, beyond)
    assert digits(sent).max() <= DIGITS
    assert torch.equal(LARGEST + MODEL.received(sent, expected)[beyond], y.abs()[beyond])


@given(st.integers(0, 10**6), st.integers(0, 11))
def test_what_is_expected_depends_on_some_frames_before_and_the_signs(seed, k):
    y, other = drawn(seed), drawn(seed + 1)
    other[:, :k] = y[:, :k]
    other[:, k] = (1 + other[:, k].abs()) * y[:, k].sign()
    some = y[:, max(0, k - FRAMES) : k + 1, 3:14]
    for whole, changed, part in zip(MODEL.expected(y), MODEL.expected(other), MODEL.expected(some), strict=True):
        assert torch.equal(whole[:, k], changed[:, k])
        assert torch.equal(whole[:, k, 3 + WAVES : 14 - WAVES], part[:, -1, WAVES:-WAVES])


@given(st.floats(0.02, 0.48), st.floats(0, 2 * math.pi))
def test_the_next_amplitude_of_a_steady_tone_is_expected(frequency, phase):
    size = torch.tensor([0.0, 40, 500, 300, 60, 0, 0, 0])
    angle = 2 * math.pi * frequency * torch.arange(30) + phase
    y = (size * torch.cos(angle[:, None] + torch.arange(8))).round().double()[None]
    expected = MODEL.expected(y).size[0, 10:, 2]
    foretold = expected > 0
    assert foretold.float().mean() > 0.3
    assert (expected - (y[0, 10:, 2].abs() - LARGEST))[foretold].abs().max() < 0.05 * 500


def test_bits_are_those_of_the_count_and_of_the_digits_after_the_first():
    y = torch.tensor([[[0.0, 18.0, 19.0, -20.0, 150.0, 0.0], [0.0, 0.0, 0.0, 25.0, 0.0, 0.0]]])
    p = (1 / 2**16 + (1 - DIGITS / 2**16) * MODEL.table.logits.softmax(dim=-1)).detach().log2()
    expected = torch.zeros(2, 6)
    expected[0, 2:5] = torch.stack([-p[0, 0], 1 - p[0, 1], 7 - p[0, 7]])  # n + 1 is 1, 2 and 132: 1, 2 and 8 digits
    expected[1, 3] = 2 - p[8, 2]  # 7, beside 132
    torch.testing.assert_close(MODEL.bits(y)[0].detach(), expected)


@pytest.mark.parametrize("name", ["tone 440 Hz", "tone 3000 Hz"])
def test_a_steady_tone_takes_half_the_bits_of_a_fixed_code(name):
    model = load_shipped()
    amplitudes = model.amplitudes(0.5 * SIGNALS[name]().float()[None])[:, : model.config.packet]
    y = model.quantise(amplitudes, torch.tensor([1.0])).waves.detach().round()
    learned, beyond = model.entropy.excess.bits(y), y.abs() >= model.entropy.excess.largest
    fixed = 2 * digits(y.abs() - model.entropy.excess.largest + 1)[beyond] - 1  # Elias' gamma code
    assert beyond.sum() > 100
    assert learned.sum() < 0.5 * fixed.sum()
