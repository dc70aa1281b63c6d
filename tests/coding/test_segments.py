"""Segments of packets: they fill what they may take, with knobs near each other, and few are encoded twice."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypersound_lib.coding.packets import SEGMENT, PacketCoder
from hypersound_lib.coding.segments import Segment, encode_within
from tests.coding.small import contents
from tests.local.shipped import load_shipped, voice
from tests.local.small import HOP, RATE, sound


class Evenly(Segment):
    """Packets whose sizes fall evenly with the knob; guesses are wrong, of each packet otherwise."""

    def __init__(self, sizes, slope, errors):
        super().__init__(None, None, [torch.zeros(1, 1)] * len(sizes), 0)
        self.sizes, self.slope, self.errors = sizes, slope, errors

    def look(self, knob):
        pass

    def guess(self, knob):
        self.guessed = knob
        self.guesses = [self._bytes(i, knob) * math.exp(error) for i, error in enumerate(self.errors)]

    def encode(self, knobs):
        self.made |= {(i, knob): bytes(round(self._bytes(i, knob))) for i, knob in knobs.items()}
        self.knobs |= knobs

    def _bytes(self, i, knob):
        return self.sizes[i] * math.exp(-self.slope * knob)


@given(
    count=st.integers(1, 64),
    slope=st.floats(0.011, 0.0165),
    bias=st.floats(-0.2, 0.2),
    share=st.integers(100, 3000),
    exactly=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_a_segment_may_take_is_filled_with_few_encodings(count, slope, bias, share, exactly, seed):
    """Slopes are those of `local`; guesses are wrong by a fifth in all, and of each packet by 2 % more or less.

    Others come after a segment that is not to be filled exactly, so it is a whole one.
    """
    count = count if exactly else SEGMENT
    draw = torch.Generator().manual_seed(seed)
    sizes = (5000 * (0.5 + torch.rand(count, generator=draw))).tolist()
    segment = Evenly(sizes, slope, (bias + 0.02 * torch.randn(count, generator=draw)).tolist())
    share *= count
    encode_within(segment, 60.0, share, exactly)
    assert sorted(segment.knobs) == list(range(count))
    knobs = segment.knobs.values()
    if set(knobs) not in ({0}, {255}):
        least = min(0.99, math.exp(-1.01 * slope / count) - 2 / share) if exactly else 0.96
        assert least * share < segment.size <= share
    assert max(knobs) - min(knobs) <= 9
    assert len(segment.made) <= (7 * count if count < 20 else 2 * count + 3 * 16), "the first ones again, others hardly"


def test_a_segment_that_cannot_be_small_enough_has_the_coarsest_steps():
    segment = Evenly([5000.0] * 20, 0.01, [0.0] * 20)
    encode_within(segment, 60.0, 1000, exactly=True)
    assert set(segment.knobs.values()) == {255}


def test_packets_of_a_short_file_have_knobs_next_to_each_other(model):
    """One position changes a file's size by a hundredth, and the budget is to be used."""
    count = 4 * 20 * HOP
    data = model.compress(sound(count), RATE, kbps=30)
    knobs = [packet.knob for packet in contents(data, -(-model.transform.frames_in(count) // 20))[1]]
    assert max(knobs) - min(knobs) <= 1
    assert len(data) > 0.98 * 30 * 125 * count / RATE


def test_no_packet_is_encoded_twice_with_the_same_knob(model, monkeypatch):
    coder, encoded = PacketCoder(model.entropy), []
    segment = Segment(model, coder, list(torch.randn(3, 20, HOP)), 0)
    encode = coder.encode
    monkeypatch.setattr(coder, "encode", lambda *sent: (encoded.append(len(sent[0])), encode(*sent))[1])
    segment.encode({0: 100, 1: 100, 2: 100})
    whole = segment.to_bytes()
    segment.encode({2: 101})
    assert segment.size != len(whole)
    segment.encode({2: 100, 1: 100})
    assert segment.to_bytes() == whole
    assert encoded == [3, 1]


@pytest.mark.parametrize("seed", range(4))
def test_a_guess_holds_where_packets_that_were_not_encoded_are_much_louder(model, seed):
    generator = torch.Generator().manual_seed(seed)
    packets = torch.randn(24, 20, HOP, generator=generator)
    packets *= 0.05 * 40 ** torch.rand(24, 1, 1, generator=generator)
    segment = Segment(model, PacketCoder(model.entropy), list(packets), 0)
    for knob in (60, 140):
        segment.look(knob)
        segment.guess(knob)
        segment.encode(dict.fromkeys(range(0, 24, 2), knob))
        segment.learn()
        guessed = segment.correction * sum(segment.guesses)
        segment.encode(dict.fromkeys(range(24), knob))
        assert guessed == pytest.approx(segment.size, rel=0.07)
        segment.knobs.clear()


@pytest.mark.slow
@pytest.mark.parametrize("knob", [20, 75, 130, 185])
def test_guesses_for_the_shipped_model_hold_for_a_voice_before_anything_is_encoded(knob):
    """The line and its change with the knob are those of `local`: integers are looked at with another knob."""
    model = load_shipped()
    with torch.no_grad():
        amplitudes = model.amplitudes((0.15 * voice() / voice().std()).unsqueeze(0))[0]
        segment = Segment(model, model.coder(), list(amplitudes.split(model.config.packet)), 0)
        segment.look(knob + 15)
        segment.guess(knob)
        segment.encode(dict.fromkeys(range(segment.count), knob))
    assert sum(segment.guesses) == pytest.approx(segment.size, rel=0.25)
