"""Signals that are no speech, through the shipped model: tones stay clean, and no band comes back louder."""

import math
from itertools import pairwise

import pytest
import torch

from hypersound_lib.metrics import snr
from tests.local.shipped import load_shipped

RATE, SECONDS, KBPS = 22050, 3, 12.0
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


@pytest.fixture(scope="module")
def copies():
    """Copies by signal and rate, each made once."""
    model, made = load_shipped(), {}

    def copy(name, kbps=KBPS):
        if (name, kbps) not in made:
            original = SIGNALS[name]().float()
            made[name, kbps] = original, model.decompress(model.compress(original, RATE, kbps=kbps))
        return made[name, kbps]

    return copy


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


def assert_no_band_is_louder(original, copy):
    """Raise AssertionError with each band that gained too much, its level before and after, and its limit, in dB."""
    before, after = band_powers(original), band_powers(copy)
    whole = before.sum()
    before, after = (10 * (power / whole).clamp(min=1e-20).log10() for power in (before, after))
    faults = [
        f"{low:.0f} to {high:.0f} Hz: {a:.1f} dB in the copy, {b:.1f} dB in the original, limit {b + LOUDER:.1f} dB"
        for (low, high), b, a in zip(pairwise(band_edges()), before.tolist(), after.tolist(), strict=True)
        if a > b + LOUDER and max(a, b) > FLOOR
    ]
    assert not faults, "louder than the original, relative to the whole:\n" + "\n".join(faults)


@pytest.mark.parametrize("frequency", [60, 100, 440, 1000, 3000, 5000, 7350, 9300, 9900])
def test_steady_tones_below_10_khz_are_clean(copies, frequency):
    original, copy = copies(f"tone {frequency} Hz")
    middle = slice(RATE // 2, -RATE // 2)
    found = snr(original[middle], copy[middle]).item()
    assert found >= 15, f"a tone of {frequency} Hz at {KBPS:g} kbit/s has an SNR of {found:.1f} dB, at least 15 is due"


# The shipped model misses the bound here: rounding spreads a steady tone's error into bands 30 to 80 dB below it.
_TONES = {f"tone {f} Hz" for f in (60, 100, 440, 1000, 3000, 5000, 7350, 9300)}
_TONES |= {"two tones", "quiet tone", "square wave"}
MISSED = {(name, kbps) for name in _TONES for kbps in (6.0, 12.0)}
MISSED |= {("slow chirp 7 to 8 kHz", 6.0), ("DC and a tone", 6.0), ("tone 10900 Hz", 6.0)}


@pytest.mark.parametrize("kbps", [6.0, 12.0])
@pytest.mark.parametrize("name", SIGNALS)
def test_no_band_of_the_copy_is_louder_than_the_original(copies, name, kbps, request):
    if (name, kbps) in MISSED:
        request.applymarker(pytest.mark.xfail(reason="a known miss of the shipped model", strict=False))
    assert_no_band_is_louder(*copies(name, kbps))


@pytest.mark.parametrize("name", SIGNALS)
def test_the_copy_clips_no_more_than_the_original(copies, name):
    original, copy = copies(name)
    limit = 2.0 * original.abs().max()
    assert copy.abs().max() <= limit, f"a peak of {copy.abs().max():.3f}, where {limit:.3f} is the limit"


def test_the_judge_of_bands():
    original = chirp(50, NYQUIST).float()
    assert_no_band_is_louder(original, 1.3 * original)
    with pytest.raises(AssertionError, match=r"875\d to 11026 Hz"):
        assert_no_band_is_louder(original, original + 2 * tone(10500).float())
    with pytest.raises(AssertionError, match="0 to "):
        assert_no_band_is_louder(original, original + 0.1)
    with pytest.raises(AssertionError, match=r"limit -?\d+\.\d dB"):
        assert_no_band_is_louder(tone(440).float(), tone(440).float() + 1e-3 * tone(5000).float())
    assert_no_band_is_louder(tone(440).float(), tone(440).float() + 1e-5 * tone(5000).float())
    edges = band_edges()
    assert edges[0] == 0
    assert edges[-1] > NYQUIST
    assert all(high - low >= 99.9 for low, high in pairwise(edges))
