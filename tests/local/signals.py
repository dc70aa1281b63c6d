"""Signals that are no speech, and by how much bands of a copy are louder than those of the original."""

import math
from itertools import pairwise

import torch

RATE, SECONDS = 22050, 3
N_FFT = 1024  # of the spectra that are compared: about as sharp as the model's frames
LOUDER, FLOOR = 3.0, -80.0  # dB: how much a band may gain, and below what part of the whole nothing counts
T = torch.arange(SECONDS * RATE, dtype=torch.float64) / RATE
NYQUIST = RATE / 2
STEP = 2.0**-15  # the least bit of a 16-bit file


def faded(x):
    """Let a sound rise and fall for 20 ms, so that its ends are no clicks."""
    edge = torch.linspace(0, 1, round(0.02 * RATE), dtype=torch.float64)
    rise = torch.sin(math.pi / 2 * edge).square()
    x[: len(rise)] *= rise
    x[-len(rise) :] *= rise.flip(0)
    return x


def tone(frequency, level=0.5):
    return faded(level * torch.sin(2 * math.pi * frequency * T))


def chirp(first, last):
    """Return a tone whose frequency goes evenly from the one to the other."""
    return faded(0.5 * torch.sin(2 * math.pi * (first * T + (last - first) / (2 * SECONDS) * T.square())))


def noise(seed=0):
    return torch.randn(len(T), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def clicks(distance):
    x = torch.zeros_like(T)
    x[round(0.1 * RATE) :: round(distance * RATE)] = 0.9
    return x


def impulse_response():
    """A room's: a click, some echoes, and noise that falls by 60 dB in half a second."""
    x = 0.05 * noise() * torch.exp(-6.9 * T / 0.5)
    for delay, level in ((0.0, 0.9), (0.011, -0.4), (0.023, 0.3), (0.037, 0.2)):
        x[round(delay * RATE)] += level
    return x


SIGNALS = {
    "chirp to the Nyquist frequency": lambda: chirp(50, NYQUIST),
    "chirp from it down": lambda: chirp(NYQUIST, 50),
    "chirp 3 to 11 kHz": lambda: chirp(3000, 11000),
    "slow chirp 7 to 8 kHz": lambda: chirp(7000, 8000),
    "one click": lambda: clicks(SECONDS),
    "clicks": lambda: clicks(0.25),
    "fast clicks": lambda: clicks(0.01),
    "impulse response": impulse_response,
    "least-bit noise": lambda: STEP * (noise() * 0.5).round(),
    "silence with a least bit": lambda: STEP * clicks(SECONDS).ceil(),
    "DC alone": lambda: torch.full_like(T, 0.3),
    "DC and a tone": lambda: 0.3 + tone(1000, 0.3),
    "DC and noise": lambda: 0.3 + 0.05 * noise(),
    "white noise": lambda: 0.1 * noise(),
    "two tones": lambda: tone(1000, 0.4) + tone(5200, 0.1),
    "quiet tone": lambda: tone(3000, 1e-3),
    "square wave": lambda: 0.5 * tone(220).sign(),
} | {f"tone {f} Hz": lambda f=f: tone(f) for f in (60, 100, 440, 1000, 3000, 5000, 7350, 9300, 9900, 10500, 10900)}


def band_edges():
    """Return the edges of bands of a third of an octave, and of 100 Hz where that would be less; the first is 0."""
    edges = [NYQUIST + 1]
    while edges[-1] > 100:
        edges.append(min(edges[-1] / 2 ** (1 / 3), edges[-1] - 100))
    return [*reversed(edges[:-1])] if edges[-1] < 1 else [0.0, *reversed(edges[:-1])]


def band_powers(sound):
    """Return the mean power in each band: `(bands,)`, float64."""
    padded = torch.nn.functional.pad(sound.double(), (N_FFT, N_FFT))
    spectra = torch.stft(padded, N_FFT, N_FFT // 4, window=torch.hann_window(N_FFT).double(), return_complex=True)
    power, bins = spectra.abs().square().mean(dim=-1), torch.arange(N_FFT // 2 + 1) * RATE / N_FFT
    bands = [(bins >= low) & (bins < high) for low, high in pairwise(band_edges())]
    return torch.stack([power[band].sum() for band in bands])


def louder_bands(original, copy):
    """Return the bands that gained too much: (lowest, highest frequency, level of the copy, of the original, in dB)."""
    before, after = band_powers(original), band_powers(copy)
    whole = before.sum()
    before, after = (10 * (power / whole).clamp(min=1e-20).log10() for power in (before, after))
    return [
        (low, high, a, b)
        for (low, high), b, a in zip(pairwise(band_edges()), before.tolist(), after.tolist(), strict=True)
        if a > b + LOUDER and max(a, b) > FLOOR
    ]
