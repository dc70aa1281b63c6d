"""A live stream: the first sound is early, and all of it is what the whole sound gives."""

import math

import pytest
import torch

from hypersound_lib.data import resample
from hypersound_lib.errors import ConfigError
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.local.streaming import latency, look_ahead, stream
from hypersound_lib.presets import PRESETS
from tests.local.small import CONFIG, HOP, RATE, make_model, sound

# In float64 no rounding of a number that is sent lies within the error of a sum, so all must agree.
KNOB = 90


@pytest.mark.parametrize("size", [1, 100, 5000])
@pytest.mark.parametrize("count", [1, 16, 17, 320, 333, 1003])
@pytest.mark.parametrize("rate", [8000, 11025, 16000])
def test_a_stream_equals_the_whole_whatever_blocks_it_comes_in(count, size, rate):
    model, x = make_model().double(), sound(count).double()
    whole = model.decode(model.encode(x[None], KNOB), math.ceil(count * rate / RATE), rate)[0].float()
    played = torch.cat(list(stream(model, x.split(size), KNOB, rate)))
    torch.testing.assert_close(played, whole, rtol=0, atol=1e-6)


def test_below_the_models_rate_soxr_brings_it_down():
    model, x = make_model().double(), sound(4000).double()
    whole = resample(model.decode(model.encode(x[None], KNOB), 4000)[0].float().detach(), RATE, 6000)
    played = torch.cat(list(stream(model, x.split(50), KNOB, 6000)))
    assert len(played) == 3000
    torch.testing.assert_close(played, whole, rtol=0, atol=1e-5)


def first_sound(model, size):
    """Return after how many samples of input the first sound comes, and the most that a sample waits from then on."""
    taken, played, waits = 0, 0, []

    def blocks():
        nonlocal taken
        for block in sound(40 * model.config.hop).split(size):
            taken += size
            yield block
        taken = None

    for piece in stream(model, blocks(), KNOB):
        if taken is None:
            break
        waits.append(taken - played)  # of the oldest sample in the piece
        played += len(piece)
    return waits[0], max(waits)


def test_the_latency_is_what_the_networks_look_ahead_takes_and_no_more():
    model = make_model()
    hops = look_ahead(model) + 2
    assert look_ahead(model) == 4, "one of the side numbers, three of the generator"
    assert latency(model) == hops * HOP / RATE
    assert first_sound(model, 1) == (hops * HOP, hops * HOP)
    assert first_sound(model, HOP) == (hops * HOP, hops * HOP)
    assert first_sound(make_model(packet=2), 1)[0] == 2 * HOP, "a short packet does not wait for the next"


@pytest.mark.slow
def test_the_shipped_shape_plays_after_less_than_100_ms():
    model = LocalHyperSound(PRESETS["local"].model).eval()
    assert latency(model) <= 0.1
    assert first_sound(model, 10)[0] / model.config.sample_rate == pytest.approx(latency(model), abs=1e-3)


def test_what_cannot_be_streamed_is_refused():
    model = make_model()
    for blocks, knob, rate, message in [
        ([], KNOB, None, "no sample to stream"),
        ([torch.zeros(0)], KNOB, None, "no sample to stream"),
        ([torch.zeros(1, 5)], KNOB, None, r"block 0: .*\(1, 5\)"),
        ([sound(50), torch.full((9,), torch.nan)], KNOB, None, "block 1: sample 0 of the sound is NaN"),
        ([torch.ones(9, dtype=torch.int16)], KNOB, None, "block 0: .*from_int16"),
        ([sound(50)], 300, None, "positions 0 to 255"),
        ([sound(50)], KNOB, 0, "positive number of Hz"),
    ]:
        with pytest.raises(ConfigError, match=message):
            list(stream(model, blocks, knob, rate))
    assert CONFIG.packet == 20, "the tests above cross packets"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_blocks_of_any_precision_are_heard_in_that_of_the_weights(dtype):
    model, x = make_model(), sound(1003).to(dtype)
    played = torch.cat(list(stream(model, [*x.split(50), x[:0]], KNOB)))
    assert torch.equal(played, torch.cat(list(stream(model, x.float().split(50), KNOB))))
    narrow = torch.cat(list(stream(make_model().to(dtype), x.float().split(50), KNOB)))
    assert (narrow - played).square().mean() < 0.05 * played.square().mean()
