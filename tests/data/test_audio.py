"""Decoding, resampling, and normalising, at once and in blocks; and every way in which a file can be bad."""

import io
import math
import struct
from fractions import Fraction

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hypersound_lib.data import (
    as_sound,
    from_int16,
    load_audio,
    peak_normalize,
    resample,
    resampled_length,
    save_audio,
    to_int16,
)
from hypersound_lib.data.audio import read_blocks
from hypersound_lib.data.waveforms import resample_blocks
from hypersound_lib.errors import AudioFileError, ConfigError
from hypersound_lib.fitting.fitted_sound import FittedSound
from hypersound_lib.inr import INR_CONFIGS, build_inr

from .miniatures import CONTAINERS, encode, peak_frequency, sound, tone

LSB = 1 / 32768
waveforms = hnp.arrays(np.float32, st.integers(1, 300), elements=st.floats(-4, 4, width=32))


@pytest.mark.parametrize("rate", [None, 8000, 16000, 22050, 44100])
@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_format_decodes_to_the_tone_it_holds_at_any_rate(tmp_path, suffix, rate):
    path = tmp_path / f"tone{suffix}"
    path.write_bytes(encode(tone(440, 48000), 48000, suffix))
    waveform, returned = load_audio(path, rate)
    assert returned == (rate or 48000)
    assert waveform.dtype == torch.float32
    assert waveform.shape == (resampled_length(12000, 48000, returned),)
    assert peak_frequency(waveform, returned) == pytest.approx(440, abs=2)
    assert waveform.abs().max().item() == pytest.approx(0.5, abs=0.05)
    middle = waveform[len(waveform) // 4 : -len(waveform) // 4]
    assert middle.abs().max().item() == pytest.approx(0.5, abs=0.05 if suffix in (".ogg", ".opus", ".mp3") else 0.01)


def test_resampling_removes_what_the_new_rate_cannot_hold():
    waveform = resample(torch.from_numpy(tone(10000, 48000)), 48000, 16000)
    assert waveform[1000:-1000].abs().max() < 1e-4


def test_resampling_treats_the_rows_of_a_batch_alone():
    batch = torch.from_numpy(np.stack([tone(440, 48000), tone(1000, 48000)]))
    together = resample(batch[None], 48000, 22050)[0]
    assert torch.equal(together, torch.stack([resample(row, 48000, 22050) for row in batch]))


@pytest.mark.parametrize(
    "rate", [0, -1, 1, 99, 1_000_001, 2**31, 10**9, 10**30, 16000.0, math.nan, math.inf, True, "8"]
)
def test_a_rate_is_a_whole_number_of_hertz_within_limits(tmp_path, rate):
    fitted = FittedSound(build_inr(INR_CONFIGS["SIREN"](width=8)), 16000, 50)
    for use in (
        lambda: resample(torch.zeros(10), rate, 16000),
        lambda: resample(torch.zeros(10), 16000, rate),
        lambda: save_audio(tmp_path / "x.wav", torch.zeros(10), rate),
        lambda: fitted.render(rate),
    ):
        with pytest.raises(ConfigError, match="positive number of Hz"):
            use()
    assert not any(tmp_path.iterdir())


@given(samples=waveforms, peak=st.floats(0.125, 1))
def test_peak_normalisation_sets_the_peak_and_only_scales(samples, peak):
    waveform = torch.from_numpy(samples)
    scaled = peak_normalize(waveform, peak)
    if samples.any():
        assert scaled.abs().max().item() == pytest.approx(peak, rel=1e-5)
        torch.testing.assert_close(scaled * waveform.abs().max(), waveform * peak, rtol=1e-4, atol=1e-30)
    else:
        assert not scaled.any()


def test_peak_normalisation_is_per_row_and_keeps_silence_silent():
    batch = torch.tensor([[0.0, 0.0], [0.25, -0.5], [1e-40, 0.0]])
    assert peak_normalize(batch).tolist() == [[0, 0], [0.5, -1], [1, 0]]


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 5)])
def test_no_samples_stay_none_at_any_rate_and_level(shape):
    nothing = torch.zeros(shape)
    assert peak_normalize(nothing).shape == shape
    for rates in ((48000, 22050), (8000, 48000), (8000, 8000)):
        assert resample(nothing, *rates).shape == (*shape[:-1], resampled_length(shape[-1], *rates))


@given(samples=waveforms)
def test_16_bit_samples_are_within_half_a_step_and_saturate(samples):
    waveform = torch.from_numpy(samples)
    back = from_int16(to_int16(waveform))
    expected = waveform.clamp(-1, 1 - LSB)
    assert (back - expected).abs().max() <= LSB / 2


def encoded(samples, at_rate=16000):
    """Return a WAV of floats whose header states that rate."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16000, format="WAV", subtype="FLOAT")
    content = bytearray(buffer.getvalue())
    struct.pack_into("<I", content, 24, at_rate)
    return bytes(content)


WORDS = b"These are the words of a text file, not sound.\n" * 50
NOT_AUDIO = "a.wav", "a.flac", "a.ogg", "a.mp3", "a.raw", "a"
CANCELLING = (1, -1), (1, -0.9999), (0.5, -1, 0.5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.wav", None, "no such file"),
        ("", None, "is a folder.*load_dataset"),
        ("bare.wav", b"", "is empty"),
        ("short.wav", encode(np.zeros(0)), "holds no samples"),
        *((name, WORDS, "cannot be decoded as audio.*not a sound file") for name in NOT_AUDIO),
        *(("slow.wav", encoded(np.zeros(9), r), f"its header says {r} Hz") for r in (1, 99, 1_000_001, 2**31 - 1)),
        *(("nan.wav", encoded(np.diag([0, 0, bad])), "sample 2 is NaN or Inf") for bad in (np.nan, np.inf, -np.inf)),
        *(("wide.wav", encode(np.outer(tone(440, 16000), c)), f"its {len(c)} channels cancel") for c in CANCELLING),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
def test_what_is_no_sound_is_named_by_both_readers(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    for read in (load_audio, lambda path: list(read_blocks(path, 2))):
        with pytest.raises(AudioFileError, match=f"{path}: {message}"):
            read(path)


def test_reading_without_permission_is_named(locked_folder):
    with pytest.raises(AudioFileError, match=r"secret\.wav: cannot be read.*Permission denied.*Check its permissions"):
        load_audio(locked_folder / "secret.wav")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_float_is_converted_as_float32_is(dtype):
    wave = torch.tensor([1.0, -1.0, 0.5, 0.0], dtype=dtype)
    assert to_int16(wave).tolist() == to_int16(wave.float()).tolist() == [32767, -32768, 16384, 0]
    assert peak_normalize(wave / 2).tolist() == wave.tolist()
    assert resample(wave.repeat(50), 8000, 16000).equal(resample(wave.repeat(50).float(), 8000, 16000))


INTEGERS = torch.int16, torch.int64, torch.bool, torch.complex64
CONVERTERS = to_int16, peak_normalize, as_sound, lambda x: resample(x, 8000, 8000)


@pytest.mark.parametrize(
    ("convert", "waveform", "message"),
    [
        *((convert, torch.ones(8, dtype=dtype), f"{dtype}") for convert in CONVERTERS for dtype in INTEGERS),
        (to_int16, torch.tensor([0.0, torch.nan]), "NaN"),
        (from_int16, torch.zeros(8), r"torch\.float32"),
    ],
)
def test_what_has_no_value_in_the_other_scale_is_refused(convert, waveform, message):
    with pytest.raises(ConfigError, match=message):
        convert(waveform)


@pytest.mark.parametrize("channels", [(1, 0), (1, 1), (1, -0.5), (0, 0), (1, 0, 0, 0, 0, 0, 0, 0)])
def test_other_channels_are_averaged(tmp_path, channels):
    path = tmp_path / "wide.wav"
    soundfile.write(path, tone(440, 16000)[:, None] * np.array(channels), 16000, subtype="FLOAT")
    expected = torch.from_numpy(tone(440, 16000) * np.float32(np.mean(channels)))
    torch.testing.assert_close(load_audio(path)[0], expected, rtol=0, atol=1e-6)
    assert torch.equal(torch.cat(list(read_blocks(path, 1000))), load_audio(path)[0])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("size", [7, 1000, 2**18])
def test_reading_in_blocks_equals_reading_at_once(tmp_path, channels, size):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([sound(2500).numpy()] * channels, axis=1) * [1.0, 0.5][:channels], 8000)
    blocks = list(read_blocks(path, size))
    assert max(map(len, blocks)) <= size
    assert torch.equal(torch.cat(blocks), load_audio(path)[0])


@settings(max_examples=20)
@given(st.sampled_from([(48000, 22050), (8000, 22050), (22050, 16000), (8000, 8000)]), st.integers(1, 4000))
def test_resampling_in_blocks_equals_resampling_at_once(rates, size):
    x = sound(9001)
    joined = torch.cat(list(resample_blocks(x.split(size), *rates)))
    whole = resample(x, *rates)
    torch.testing.assert_close(joined, whole, rtol=0, atol=1e-5)


RATES = st.one_of(st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]), st.integers(100, 200_000))


@settings(max_examples=60)
@given(st.integers(1, 3000), RATES, RATES, st.integers(1, 3000))
@example(480, 48000, 22050, 480)
@example(160, 16000, 22050, 7)
@example(1, 44100, 22050, 1)
def test_one_rule_for_lengths_at_once_and_in_blocks(num_samples, from_rate, to_rate, size):
    expected = math.floor(Fraction(num_samples * to_rate, from_rate) + Fraction(1, 2))
    assert resampled_length(num_samples, from_rate, to_rate) == expected
    x = sound(num_samples)
    assert len(resample(x, from_rate, to_rate)) == expected
    assert resample(x.expand(2, 3, -1), from_rate, to_rate).shape == (2, 3, expected)
    assert sum(map(len, resample_blocks(x.split(size), from_rate, to_rate))) == expected
