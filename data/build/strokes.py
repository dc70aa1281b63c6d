"""Sounds made of strokes and clicks at 48 kHz, from formulas: drum, cymbal, glass, rain, fire, shaker, cricket."""

import numpy as np
from scipy.signal import butter, lfilter, sosfilt
from tones import SAMPLE_RATE, TOP_HZ, time_axis


def drum() -> np.ndarray:
    """A beat of bass drum and snare: a sine that falls from 180 to 50 Hz, and noise with a 200 Hz tone."""
    rng = np.random.default_rng(21)
    out = np.zeros(2 * SAMPLE_RATE)
    t = time_axis(SAMPLE_RATE // 2)
    phase = 2 * np.pi * (50.0 * t + 130.0 / 30.0 * (1 - np.exp(-30.0 * t)))
    bass = np.exp(-7.0 * t) * np.sin(phase)
    high_pass = butter(1, 1500.0, "highpass", fs=SAMPLE_RATE, output="sos")
    for beat in range(4):
        start = beat * SAMPLE_RATE // 2
        wires = sosfilt(high_pass, rng.standard_normal(len(t))) * np.exp(-18.0 * t)
        snare = 0.35 * wires + 0.5 * np.exp(-14.0 * t) * np.sin(2 * np.pi * 200.0 * t)
        out[start : start + len(t)] += snare if beat % 2 else bass + 0.08 * wires
    return out


def cymbal() -> np.ndarray:
    """A struck cymbal: 400 sines at random frequencies, dense at the top; high ones build up late and die first."""
    rng = np.random.default_rng(22)
    t = time_axis(5 * SAMPLE_RATE // 2)
    out = np.zeros_like(t)
    for f, phase in zip(
        rng.uniform(350.0**0.7, TOP_HZ**0.7, 400) ** (1 / 0.7), rng.uniform(0, 2 * np.pi, 400), strict=True
    ):
        envelope = np.exp(-(1.0 + f / 6000.0) * t) - 0.8 * np.exp(-(40.0 + f / 100.0) * t)
        out += envelope * np.sin(2 * np.pi * f * t + phase)
    return out


def glass() -> np.ndarray:
    """A chain of struck glasses: each rings in eight modes from 1.2 to 20 kHz with little damping."""
    rng = np.random.default_rng(25)
    t = time_axis(5 * SAMPLE_RATE // 2)
    out = np.zeros_like(t)
    for stroke in range(10):
        start = stroke * SAMPLE_RATE // 6
        since = t[: len(t) - start]
        for f in np.geomspace(1200.0, 18000.0, 8) * rng.uniform(0.95, 1.1, 8):
            out[start:] += rng.uniform(0.3, 1.0) * np.exp(-(4.0 + f / 1500.0) * since) * np.sin(2 * np.pi * f * since)
    return out


def rain() -> np.ndarray:
    """Rain: 700 drops at random moments, each a click that rings at 1…20 kHz for a few milliseconds."""
    rng = np.random.default_rng(23)
    out = np.zeros(5 * SAMPLE_RATE // 2)
    t = time_axis(SAMPLE_RATE // 25)
    for _ in range(700):
        f, start = np.exp(rng.uniform(np.log(1000.0), np.log(20000.0))), rng.integers(len(out) - len(t))
        drop = np.exp(-t * rng.uniform(250.0, 1500.0)) * np.sin(2 * np.pi * f * t)
        out[start : start + len(t)] += drop * rng.pareto(2.5)
    return out


def shaker() -> np.ndarray:
    """A shaker: bursts of grain collisions, each exciting the shell's two resonances at 5.5 and 12 kHz.

    After Cook's physically informed stochastic model (1997): collisions are rarer as the shake loses energy.
    """
    rng = np.random.default_rng(24)
    t = time_axis(2 * SAMPLE_RATE)
    within = (t * 6) % 1.0
    energy = np.clip(within / 0.2, 0, 1) * np.exp(-4.0 * within)
    hits = rng.standard_normal(len(t)) * (rng.uniform(size=len(t)) < 0.08 * energy) * energy
    out = 0.15 * hits
    for frequency, radius in ((5500.0, 0.96), (12000.0, 0.9)):
        poles = [1.0, -2 * radius * np.cos(2 * np.pi * frequency / SAMPLE_RATE), radius**2]
        out += (1 - radius) * lfilter([1.0], poles, hits) * 4
    return out


def fire() -> np.ndarray:
    """A fire: crackles of random strength, each a noise burst of one to eight milliseconds, over a soft rumble."""
    rng = np.random.default_rng(26)
    num_samples = 5 * SAMPLE_RATE // 2
    out = 0.02 * lfilter([0.02], [1.0, -0.98], rng.standard_normal(num_samples))
    for _ in range(160):
        length = rng.integers(SAMPLE_RATE // 1000, SAMPLE_RATE // 125)
        start = rng.integers(num_samples - length)
        decay = np.exp(-6.0 * np.arange(length) / length)
        out[start : start + length] += min(rng.pareto(1.6), 6.0) * decay * rng.standard_normal(length) / 6.0
    return out


def cricket() -> np.ndarray:
    """Crickets: three trains a second of eight pulses each, a 4.4 kHz tone with harmonics up to 22 kHz."""
    t = time_axis(2 * SAMPLE_RATE)
    train = (t * 3) % 1.0 < 8 / 15
    pulse = np.sin(np.pi * ((t * 45) % 1.0)) ** 2
    tone = sum(0.4 ** (k - 1) * np.sin(2 * np.pi * 4400.0 * k * t) for k in range(1, 6))
    return train * pulse * tone
