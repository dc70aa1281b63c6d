"""Pitched sounds at 48 kHz from formulas: each function returns a waveform ``(T,)`` with any gain.

Partials stop below ``TOP_HZ``, so nothing folds back at the Nyquist frequency of 24 kHz.
"""

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter, resample_poly

SAMPLE_RATE = 48_000  # Hz
TOP_HZ = 22_500.0
CENTRAL_A_HZ = 110.0


def time_axis(num_samples: int) -> np.ndarray:
    """Seconds at each sample, ``(T,)``, starting at 0."""
    return np.arange(num_samples) / SAMPLE_RATE


def harmonics(f0: np.ndarray, amplitude: Callable[[int], np.ndarray | float]) -> np.ndarray:
    """A sum of sines at the multiples of ``f0`` (Hz, ``(T,)``); ``amplitude(k)`` is the gain of the k-th one.

    The phase of partial k is k times the integral of f0. A partial is faded out over the last 1 kHz below
    ``TOP_HZ``, so that a glide lets it go without a click.
    """
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    out = np.zeros_like(f0)
    for k in range(1, int(TOP_HZ / f0.min()) + 1):
        fade = np.clip((TOP_HZ - k * f0) / 1000.0, 0.0, 1.0)
        out += amplitude(k) * fade * np.sin(k * phase)
    return out


def pluck() -> np.ndarray:
    """Plucked strings: a five-note chord by Karplus and Strong (1983), one string after the other.

    A burst of noise runs round a delay line of N samples whose loop filter is a two-point mean,
    y[n] = x[n] + g·(y[n−N] + y[n−N−1])/2: pitch SAMPLE_RATE/(N + ½), high partials die first.
    """
    rng = np.random.default_rng(1)
    num_samples = 5 * SAMPLE_RATE // 2
    out = np.zeros(num_samples)
    for string, f0 in enumerate(CENTRAL_A_HZ * 2.0 ** (np.array([0, 7, 12, 16, 19]) / 12)):
        period = round(SAMPLE_RATE / f0 - 0.5)
        start = string * SAMPLE_RATE // 8
        burst = np.zeros(num_samples - start)
        burst[:period] = rng.uniform(-1.0, 1.0, period)
        loop = np.zeros(period + 2)
        loop[0], loop[period], loop[period + 1] = 1.0, -0.498, -0.498
        out[start:] += lfilter([1.0], loop, burst)
    return out


def bar() -> np.ndarray:
    """Three strokes on a free metal bar: modes at the Euler–Bernoulli ratios, higher ones dying sooner.

    A free bar's modes lie near ((2m + 1)/3.0112)² of its first one, m = 1, 2, …; a stroke near its end excites all.
    """
    t = time_axis(2 * SAMPLE_RATE)
    out = np.zeros_like(t)
    for stroke, f1 in enumerate((523.0, 659.0, 784.0)):
        start = stroke * SAMPLE_RATE // 3
        since = t[: len(t) - start]
        modes = f1 * ((2 * np.arange(1, 60) + 1) / 3.0112) ** 2
        for m, f in enumerate(modes[modes < TOP_HZ], start=1):
            out[start:] += np.exp(-3.0 * (f / f1) ** 0.5 * since) * np.sin(2 * np.pi * f * since) / m
    return out


def bell() -> np.ndarray:
    """A frequency-modulated bell after Chowning (1973): carrier to modulator 1 : 1.4, index falling with the sound.

    Sidebands lie at fc ± k·fm; made at four times the rate and decimated, so that none of them folds back.
    """
    oversampling = 4
    t = np.arange(5 * SAMPLE_RATE // 2 * oversampling) / (SAMPLE_RATE * oversampling)
    carrier, modulator = 880.0, 1232.0
    index = 14.0 * np.exp(-1.6 * t)
    ring = np.exp(-1.8 * t) * np.sin(2 * np.pi * carrier * t + index * np.sin(2 * np.pi * modulator * t))
    return resample_poly(ring, 1, oversampling)


def sweep() -> np.ndarray:
    """An exponential sine sweep from 40 Hz to 22.5 kHz (Farina 2000): equal time per octave.

    f(t) = f₀·(f₁/f₀)^(t/D), so the phase is 2π·f₀·D/ln(f₁/f₀)·((f₁/f₀)^(t/D) − 1).
    """
    t = time_axis(5 * SAMPLE_RATE // 2)
    ratio, duration = TOP_HZ / 40.0, len(t) / SAMPLE_RATE
    return np.sin(2 * np.pi * 40.0 * duration / np.log(ratio) * (ratio ** (t / duration) - 1))


def saw_glide() -> np.ndarray:
    """A sawtooth that glides two octaves up with vibrato: harmonics fall with 1/k and end at 22.5 kHz."""
    t = time_axis(2 * SAMPLE_RATE)
    f0 = CENTRAL_A_HZ * 2.0 ** (t + 0.02 * np.sin(2 * np.pi * 5.5 * t))
    return harmonics(f0, lambda k: 1.0 / k)


def brass() -> np.ndarray:
    """Brass-like notes: the louder, the brighter (Risset 1966). Harmonic k grows with the (1 + k/12)-th power."""
    t = time_axis(2 * SAMPLE_RATE)
    note = np.minimum((t * 2).astype(int), 3)
    f0 = 2 * CENTRAL_A_HZ * 2.0 ** (np.array([0, 4, 7, 12])[note] / 12)
    within = t * 2 - note
    loud = np.clip(within / 0.15, 0, 1) * np.clip((1 - within) / 0.2, 0, 1)
    return harmonics(f0, lambda k: loud ** (1 + k / 12) / k**0.8)


def comb() -> np.ndarray:
    """Equal sines every 187.5 Hz up to 22.5 kHz with Schroeder (1970) phases: a flat ruler over the whole band."""
    t = time_axis(3 * SAMPLE_RATE // 2)
    spacing = 187.5
    count = int(TOP_HZ / spacing)
    out = sum(np.cos(2 * np.pi * spacing * k * t - np.pi * k * k / count) for k in range(1, count + 1))
    return out * np.sin(np.pi * np.arange(len(t)) / len(t)) ** 0.5


def flute() -> np.ndarray:
    """A breathy flute: few harmonics with vibrato, and noise of the same loudness envelope up to the top."""
    rng = np.random.default_rng(2)
    t = time_axis(2 * SAMPLE_RATE)
    note = np.minimum((t * 2).astype(int), 3)
    f0 = 4 * CENTRAL_A_HZ * 2.0 ** (np.array([0, 2, 4, 7])[note] / 12) * (1 + 0.004 * np.sin(2 * np.pi * 5 * t))
    within = t * 2 - note
    loud = np.clip(within / 0.2, 0, 1) * np.clip((1 - within) / 0.15, 0, 1)
    return loud * (harmonics(f0, lambda k: 0.4 ** (k - 1)) + 0.06 * rng.standard_normal(len(t)))


def bird() -> np.ndarray:
    """Whistled syllables: fast frequency glides between 2.5 and 7 kHz with ever weaker harmonics."""
    num_syllables, length = 12, SAMPLE_RATE // 7
    out = np.zeros(2 * SAMPLE_RATE)
    u = np.arange(length) / length
    for i in range(num_syllables):
        low, high = 2500.0 + 180.0 * i, 7000.0 - 150.0 * i
        f0 = low + (high - low) * (0.5 + 0.5 * np.cos(2 * np.pi * u * (1 + i % 3)))
        tone = harmonics(f0, lambda k: 0.35 ** (k - 1))
        out[i * SAMPLE_RATE // 6 :][:length] += np.sin(np.pi * u) ** 2 * tone
    return out
