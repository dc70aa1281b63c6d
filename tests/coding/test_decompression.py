"""Decompression: what the encoder meant, at any rate; a lost packet costs its own time; other files are refused."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypersound_lib.coding.container import Header, Packet
from hypersound_lib.coding.decompression import decompress_blocks
from hypersound_lib.coding.packets import SEGMENT
from hypersound_lib.coding.rate import Rate, level_gain
from hypersound_lib.data import resample
from hypersound_lib.errors import CodeFileError, ConfigError
from tests.coding.small import contents
from tests.local.small import CONFIG, HOP, RATE, make_model, sound

QUALITY = 9
KNOB = Rate.of(None, QUALITY).knob
PACKET = CONFIG.packet * HOP  # samples
COUNT = SEGMENT + 2  # packets


@pytest.fixture(scope="module")
def compressed(model):
    """A sound of more packets than a segment holds, and its file."""
    x = sound((COUNT - 1) * PACKET + 77)
    return x, model.compress(x, RATE, quality=QUALITY)


@pytest.fixture(scope="module")
def longer(model):
    """The file of a sound of 12 s, in packets of 40 ms."""
    return model.compress(sound(12 * RATE + 5), RATE, quality=QUALITY)


@pytest.fixture(scope="module")
def whole_at(model, longer):
    """That sound, by rate."""
    return {rate: model.decompress(longer, rate) for rate in (RATE, 11025, 44100, 6000, 500)}


def joined(header, packets):
    return header.to_bytes() + b"".join(packet.to_bytes() for packet in packets)


def test_the_copy_is_what_encoding_and_decoding_give(model, compressed):
    x, data = compressed
    gain = level_gain(Header.from_bytes(data)[0].level)
    expected = gain * model.decode(model.encode(x[None] / gain, KNOB), len(x))[0]
    torch.testing.assert_close(model.decompress(data), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, HOP, HOP + 1, PACKET - 1, PACKET, PACKET + 1, 3 * PACKET + 5])
@pytest.mark.parametrize("rate", [RATE, 11025, 44100, 6000, 100])
def test_lengths_are_those_of_the_original(model, count, rate):
    data = model.compress(sound(count), RATE, quality=5)
    copy = model.decompress(data, rate)
    assert copy.shape == (math.floor(Fraction(count * rate, RATE) + Fraction(1, 2)),)
    assert copy.dtype == torch.float32
    assert copy.isfinite().all()


def test_higher_rates_play_the_same_function_and_lower_ones_are_resampled(model, compressed):
    data = compressed[1]
    own = model.decompress(data)
    assert len(model.decompress(data, 2 * RATE)) == 2 * len(own)
    torch.testing.assert_close(model.decompress(data, 6000), resample(own, RATE, 6000), rtol=0, atol=1e-5)


@settings(max_examples=25)
@given(
    rate=st.sampled_from([RATE, 11025, 44100, 6000, 500]),
    place=st.floats(0, 0.999),
    seconds=st.one_of(st.none(), st.floats(0.01, 15)),
)
def test_a_stretch_is_that_part_of_the_whole(model, longer, whole_at, rate, place, seconds):
    whole = whole_at[rate]
    start = place * len(whole) / rate
    first = round(start * rate)
    stop = len(whole) if seconds is None else first + round(seconds * rate)
    found = model.decompress(longer, rate, start=start, seconds=seconds)
    torch.testing.assert_close(found, whole[first:stop], rtol=0, atol=1e-5)


def test_of_a_stretch_only_its_own_packets_are_decoded(model, longer, recwarn):
    """Half a second of it sounds as ever where the first and the last packet are damaged, and without a warning."""
    expected = model.decompress(longer, start=6.2, seconds=0.5)
    assert not recwarn.list
    broken = bytearray(longer)
    broken[len(Header.from_bytes(longer)[0].to_bytes()) + 20] ^= 1
    broken[-5] ^= 1
    assert torch.equal(model.decompress(bytes(broken), start=6.2, seconds=0.5), expected)
    assert not recwarn.list
    with pytest.warns(UserWarning, match="packets lost or damaged: 1"):
        model.decompress(bytes(broken), start=0.0, seconds=0.5)
    cut = longer[: len(longer) // 2]
    assert torch.equal(model.decompress(cut, start=1.0, seconds=1.5), model.decompress(longer, start=1.0, seconds=1.5))
    with pytest.raises(CodeFileError, match="cut short"):
        model.decompress(cut, start=1.0, seconds=9)


@pytest.mark.parametrize(
    ("start", "seconds"),
    [(-0.1, None), (12.0006, None), (1e9, None), (math.nan, None), (math.inf, 1), (0, 0), (0, -1), (0, math.nan)],
)
def test_a_stretch_that_is_none_is_refused(model, longer, start, seconds):
    with pytest.raises(ConfigError, match=r"is no part of a sound of 12\.001 s"):
        model.decompress(longer, start=start, seconds=seconds)


def test_it_comes_in_blocks_of_bounded_size(model, compressed):
    blocks = list(decompress_blocks(model, compressed[1]))
    assert len(blocks) == 2
    assert max(map(len, blocks)) <= SEGMENT * PACKET
    assert torch.equal(torch.cat(blocks), model.decompress(compressed[1]))


@pytest.mark.parametrize("number", [0, 1, 9, SEGMENT - 1, SEGMENT, COUNT - 1])
def test_a_damaged_packet_is_silent_and_all_else_is_as_it_was(model, compressed, number):
    x, data = compressed
    header, packets = contents(data, COUNT)
    whole = model.decompress(data)
    at = len(joined(header, packets[: number + 1])) - 2
    damaged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    assert contents(damaged, COUNT)[1] == [None if i == number else packet for i, packet in enumerate(packets)]
    seconds = number * model.packet_seconds
    with pytest.warns(UserWarning, match=rf"the data: packets lost or damaged: 1; silent from {seconds:.1f} s$"):
        found = model.decompress(damaged)
    # The packet's frames are number · size … (number + 1) · size - 1, each of which sounds for a hop on both sides.
    first, last = (number * CONFIG.packet - 1) * HOP, (number + 1) * CONFIG.packet * HOP
    for part in (slice(0, max(0, first + 1)), slice(last, None)):
        torch.testing.assert_close(found[part], whole[part], rtol=0, atol=1e-6)
    assert not found[max(0, first + HOP) : last - HOP].any()
    assert len(found) == len(x)


@pytest.mark.slow
def test_bytes_that_no_encoder_wrote_are_lost_in_spite_of_their_checksum(model, compressed):
    _, data = compressed
    header, packets = contents(data, COUNT)
    packets[3] = Packet(3, 100, b"\xff" * 400)
    with pytest.warns(UserWarning, match="packets lost or damaged: 1;"):
        found = model.decompress(joined(header, packets))
    assert not found[3 * PACKET : 4 * PACKET - HOP].any()
    torch.testing.assert_close(found[4 * PACKET :], model.decompress(data)[4 * PACKET :], rtol=0, atol=1e-6)


@pytest.mark.parametrize("left", [0.999, 0.9, 0.5, 0.1])
def test_a_cut_file_plays_what_is_whole_and_then_says_so(model, compressed, left):
    _, data = compressed
    cut, whole = data[: int(left * len(data))], model.decompress(data)
    found = []
    with pytest.raises(CodeFileError, match=r"voice\.hs is cut short"):
        found.extend(decompress_blocks(model, cut, name="voice.hs"))
    played = torch.cat([torch.zeros(0), *found])
    assert len(played) >= (int(left * COUNT) - 2) * PACKET
    torch.testing.assert_close(played, whole[: len(played)], rtol=0, atol=1e-6)


def test_a_hole_of_more_packets_than_a_segment_has_is_silent_and_what_follows_plays(model):
    x = sound(72 * PACKET)
    data = model.compress(x, RATE, quality=QUALITY)
    header, packets = contents(data, 73)
    with pytest.warns(UserWarning, match="packets lost or damaged: "):
        found = model.decompress(joined(header, [*packets[:2], *packets[70:]]))
    whole = model.decompress(data)
    for part in (slice(0, 2 * PACKET - HOP), slice(70 * PACKET, None)):
        torch.testing.assert_close(found[part], whole[part], rtol=0, atol=1e-6)
    assert not found[2 * PACKET : 70 * PACKET - HOP].any()


def test_other_models_and_impossible_lengths_and_rates_are_refused(model, compressed):
    _, data = compressed
    with pytest.raises(CodeFileError, match=r"the data was made by another model"):
        make_model(seed=1).decompress(data)
    header, packets = contents(data, COUNT)
    for samples in (2**40, 10**8):
        longer = Header(header.identity, header.level, RATE, samples)
        with pytest.raises(CodeFileError, match="do not fit into"):
            model.decompress(joined(longer, packets))
    for rate in (0, -5):
        with pytest.raises(ConfigError, match="positive number of Hz"):
            model.decompress(data, rate)
