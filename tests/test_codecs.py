"""Codecs as command-line tools: real sizes, and copies that lie where their originals do."""

import math

import pytest
import torch

from hypersound_lib.data import load_dataset
from hypersound_lib.metrics import si_snr, stoi
from tests.benchmarks import codecs

RATE = 22050
needs_opus = pytest.mark.skipif(not codecs.available("opusenc", "opusdec"), reason="opus-tools is not installed")
needs_codec2 = pytest.mark.skipif(not codecs.available("c2enc", "c2dec"), reason="codec2 is not installed")
needs_lame = pytest.mark.skipif(not codecs.available("lame"), reason="lame is not installed")


@pytest.fixture(scope="module")
def voice():
    """Return 1.3 s of embedded speech with a peak of 0.9."""
    sound = load_dataset("mini")[0].waveform[8000 : 8000 + round(1.3 * RATE)]
    return 0.9 * sound / sound.abs().max()


def kbps(size, sound):
    return size / 125 / (len(sound) / RATE)


def lag(sound, copy):
    """Return by how many samples a copy is late."""
    size = 2 * len(sound)
    product = torch.fft.rfft(copy, size) * torch.fft.rfft(sound, size).conj()
    best = int(torch.fft.irfft(product, size).argmax())
    return best if best < len(sound) else best - size


def test_a_tool_that_is_missing_is_told():
    assert codecs.available()
    assert not codecs.available("opusenc", "no-such-tool")


@needs_opus
def test_opus_counts_packets_apart_from_the_file_and_more_bits_are_better(voice):
    low, high = (codecs.opus(voice, RATE, rate) for rate in (12, 32))
    assert 6 < kbps(low.payload_bytes, voice) < 18 < kbps(high.payload_bytes, voice) < 48
    for coded in (low, high):
        assert coded.copy.shape == voice.shape
        assert abs(lag(voice, coded.copy)) <= 2
        # Two header pages, then a page a second at most: 27 bytes, a byte for each packet, and what they hold.
        assert 100 < coded.file_bytes - coded.payload_bytes < 400
    assert si_snr(voice, high.copy) > si_snr(voice, low.copy) + 1


def test_payload_of_an_ogg_file_is_that_of_its_pages_without_the_headers():
    def page(*packets):
        sizes = bytes(len(packet) for packet in packets)
        return b"OggS" + bytes(22) + bytes([len(packets)]) + sizes + b"".join(packets)

    pages = page(b"OpusHead" + bytes(11)) + page(b"OpusTags" + bytes(30)) + page(bytes(50), bytes(60)) + page(bytes(7))
    assert codecs._ogg_payload(pages) == 117


@needs_lame
@pytest.mark.parametrize("rate", [8, 16, 32])
def test_mp3_is_not_late_at_any_rate_that_lame_chooses(voice, rate):
    coded = codecs.mp3(voice, RATE, rate)
    assert coded.copy.shape == voice.shape
    assert abs(lag(voice, coded.copy)) <= 2
    assert rate <= kbps(coded.file_bytes, voice) < 1.3 * rate
    assert si_snr(voice, coded.copy) > 3


@needs_codec2
@pytest.mark.parametrize("mode", [3200, 1600])
def test_codec2_is_not_late(voice, mode):
    coded = codecs.codec2(voice, RATE, mode)
    assert coded.copy.shape == voice.shape
    assert mode / 1000 <= kbps(coded.payload_bytes, voice) < 1.06 * mode / 1000
    understood = {shift: stoi(voice, coded.copy.roll(round(shift * RATE)), RATE) for shift in (-0.012, 0.0, 0.012)}
    assert max(understood, key=understood.__getitem__) == 0


@needs_codec2
def test_the_end_of_a_sound_is_sent(voice):
    sound = torch.cat([torch.zeros(RATE // 2), voice[: RATE // 4 + 100]])
    copy = codecs.codec2(sound, RATE, 1600).copy
    level = 20 * math.log10(copy[-1500:].std() / sound[-1500:].std())
    assert level > -20  # the end fades, and is there
