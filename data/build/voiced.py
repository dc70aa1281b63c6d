"""Vowels and consonants at 48 kHz from formulas: a pulse train or noise through resonances up to 22 kHz."""

import numpy as np
from scipy.signal import butter, lfilter, sosfilt
from tones import SAMPLE_RATE, TOP_HZ, harmonics, time_axis

# First three formants of men's vowels in Hz, after the averages of Peterson and Barney (1952).
VOWELS = {"a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010), "o": (570, 840, 2410)}
VOWELS["u"] = (300, 870, 2240)


def resonator(waveform: np.ndarray, frequency: float, bandwidth: float) -> np.ndarray:
    """One formant: two poles at ``frequency`` with the 3 dB width ``bandwidth`` (both Hz), gain 1 at 0 Hz.

    Poles r·e^(±jθ), r = exp(−π·bandwidth/rate), give y[n] = g·x[n] + 2r·cosθ·y[n−1] − r²·y[n−2].
    """
    r = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    poles = [1.0, -2 * r * np.cos(2 * np.pi * frequency / SAMPLE_RATE), r * r]
    return lfilter([sum(poles)], poles, waveform)


def vocal_tract(source: np.ndarray, formants: tuple[float, ...], scale: float = 1.0) -> np.ndarray:
    """``source`` through a cascade of formants: the vowel's own, then one each 1.1 kHz as in a uniform tube.

    ``scale`` above 1 shortens the tract: all formants move up. A tilt of +6 dB per octave at the end stands for
    the radiation at the lips.
    """
    upper = np.arange(3500.0, TOP_HZ / scale, 1100.0)
    for frequency in (*formants, *upper):
        source = resonator(source, frequency * scale, 50.0 + 0.06 * frequency)
    return np.diff(source, prepend=0.0)


def vowel_sequence(f0_hz: float, scale: float, seed: int) -> np.ndarray:
    """The five vowels, 0.4 s each, sung on a falling tone: voiced pulses and a little breath in each pulse.

    The pulse train is a sum of equal harmonics, so that it has no energy above ``TOP_HZ``; the formants bring
    the slope of the spectrum.
    """
    rng = np.random.default_rng(seed)
    num_samples = 2 * SAMPLE_RATE // len(VOWELS)
    pieces = []
    for order, formants in enumerate(VOWELS.values()):
        t = time_axis(num_samples)
        f0 = f0_hz * (1.06 - 0.03 * order) * (1 + 0.01 * np.sin(2 * np.pi * 5.0 * t))
        pulses = harmonics(f0, lambda k: 1.0)
        breath = rng.standard_normal(num_samples) * np.clip(pulses / pulses.std(), 0.2, 2.0)
        envelope = np.sin(np.pi * np.arange(num_samples) / num_samples) ** 0.5
        pieces.append(vocal_tract((pulses + 0.6 * breath) * envelope, formants, scale))
    return np.concatenate([piece / np.abs(piece).max() for piece in pieces])


def vowels_low() -> np.ndarray:
    """Five vowels at 110 Hz from a long vocal tract, through formants up to 22 kHz."""
    return vowel_sequence(110.0, scale=1.0, seed=11)


def vowels_high() -> np.ndarray:
    """Five vowels at 230 Hz from a tract one sixth shorter, through formants up to 22 kHz."""
    return vowel_sequence(230.0, scale=1.17, seed=12)


def sibilants() -> np.ndarray:
    """Four hisses: noise through one broad resonance each, low for "sh", high for "s", flat for "f" and "th"."""
    rng = np.random.default_rng(13)
    num_samples = SAMPLE_RATE // 2
    envelope = np.sin(np.pi * np.arange(num_samples) / num_samples)
    pieces = []
    for low, high, gain in ((2000, 7000, 0.9), (5000, 16000, 1.0), (1500, 20000, 0.35), (6000, 21000, 0.5)):
        band = butter(2, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
        noise = sosfilt(band, rng.standard_normal(num_samples)) * envelope
        pieces.append(gain * noise / np.abs(noise).max())
    return np.concatenate(pieces)


def breath() -> np.ndarray:
    """Breathing in and out: noise through a neutral vocal tract whose level follows two slow arches."""
    rng = np.random.default_rng(14)
    t = time_axis(5 * SAMPLE_RATE // 2)
    level = np.abs(np.sin(2 * np.pi * t / 2.5)) ** 1.5 * np.where(t < 1.25, 0.6, 1.0)
    noise = rng.standard_normal(len(t))
    tract = vocal_tract(noise, (500.0, 1500.0, 2500.0))
    return level * (tract / tract.std() + 0.4 * np.diff(noise, prepend=0.0))
