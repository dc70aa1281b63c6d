"""The 48 kHz sounds as committed: their formulas still make them, and they fill the band they are here for."""

import hashlib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fullband import SOUNDS, finish
from tones import SAMPLE_RATE

Rows = list[dict[str, str]]
Pcm = dict[str, np.ndarray]


def share_above(waveform: np.ndarray, low_hz: float) -> float:
    """Energy above ``low_hz`` relative to all energy, in dB."""
    power = np.abs(np.fft.rfft(waveform)) ** 2
    frequency = np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE)
    return float(10 * np.log10(power[frequency >= low_hz].sum() / power.sum() + 1e-30))


def test_files_manifest_and_formulas_agree(data: Path, fullband_rows: Rows):
    assert len(fullband_rows) >= 12
    assert [row["name"] for row in fullband_rows] == list(SOUNDS)
    assert {row["path"] for row in fullband_rows} == {p.name for p in (data / "fullband").glob("*.flac")}
    for row in fullband_rows:
        content = (data / "fullband" / row["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"], row["path"]


def test_every_sound_is_48_khz_short_and_not_clipped(data: Path, fullband_rows: Rows, fullband_pcm: Pcm):
    for row in fullband_rows:
        pcm = fullband_pcm[row["name"]]
        info = soundfile.info(data / "fullband" / row["path"])
        assert (info.samplerate, info.channels, info.subtype) == (int(row["sample_rate"]), 1, "PCM_16")
        assert info.samplerate == 48_000
        assert len(pcm) == int(row["num_samples"])
        assert 1.5 <= len(pcm) / 48_000 <= 3.0, row["name"]
        assert 0.5 <= np.abs(pcm.astype(float)).max() / 32768 <= 0.95, row["name"]
        assert abs(pcm.mean()) / 32768 < 1e-3, row["name"]
        assert hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest() == row["pcm_sha256"], row["name"]


@pytest.mark.parametrize("name", SOUNDS)
def test_a_formula_gives_the_committed_samples_every_time(name: str, fullband_pcm: Pcm):
    first, second = finish(SOUNDS[name]()), finish(SOUNDS[name]())
    np.testing.assert_array_equal(first, second)
    # numpy's sines differ in their last digit from one kind of processor to another, which moves a sample that lies
    # between two steps of 16 bits to the other one.
    difference = np.abs(first.astype(int) - fullband_pcm[name].astype(int))
    assert difference.max() <= 1
    assert np.mean(difference > 0) < 1e-3


def test_most_sounds_reach_far_above_what_22050_hz_can_hold(fullband_pcm: Pcm):
    above_16k = [share_above(pcm, 16_000) for pcm in fullband_pcm.values()]
    above_20k = [share_above(pcm, 20_000) for pcm in fullband_pcm.values()]
    assert np.mean(np.array(above_16k) > -60) >= 0.9
    assert np.mean(np.array(above_20k) > -60) >= 0.75
    assert np.mean(np.array(above_16k) > -30) >= 0.5


@pytest.mark.parametrize("name", ["sweep", "saw_glide", "brass", "comb", "bird", "cymbal", "vowels_low", "vowels_high"])
def test_sums_of_partials_end_below_the_nyquist_frequency(name: str, fullband_pcm: Pcm):
    """A partial above 24 kHz would fold back; the sums stop at 22.5 kHz, so next to nothing may lie above 23 kHz."""
    assert share_above(fullband_pcm[name], 23_000) < -40


def test_no_two_sounds_are_alike(fullband_pcm: Pcm):
    """Their spectra over 24 bands of 1 kHz differ by more than 3 dB RMS."""
    spectra = {}
    for name, pcm in fullband_pcm.items():
        power = np.abs(np.fft.rfft(pcm / 32768, n=2 * SAMPLE_RATE)) ** 2
        spectra[name] = 10 * np.log10([band.mean() + 1e-6 for band in np.array_split(power, 24)])
    for a, b in combinations(spectra, 2):
        assert np.sqrt(np.mean((spectra[a] - spectra[b]) ** 2)) > 3, (a, b)
