"""Losses on bands of a spectrogram, at several resolutions, from one transform of each signal.

    D, X, Y    powers of the error, the original and the estimate in a band and frame
    band_error      log(1 + D / X)       sees phase, in quiet bands and moments, too; gives up on none; low bands count
                                         more, those from 100 to 500 Hz most: 1 + 15 / (1 + (f / 700 Hz)²)
                                         + 30 exp(-ln²(f / 220 Hz) / 0.72), over the mean of all
    band_level      |log X - log Y|      sees timbre alone: where phase cannot be learnt, sound must still be as loud
    spectrum_level  RMS over all bins of log₁₀ X - log₁₀ Y, as LSD has it: the same without bands, for each bin
    loudness        what ears tell apart: see `losses.loudness`
    band_excess     how much louder bands are, on the mean, than the original ever is, beyond 2.5 dB: RMS over bands

The weight of `spectrum_level` is for a sound whose level is hit; the others are those of the field's codecs.

Why low bands count more: the steps of a trained model were made finer band by band, at equal size of the files. Below
500 Hz, and less so up to 2 kHz, that raised PESQ at every rate up to 16 kbit/s; no other band had anything to gain.
There a voice has its strongest harmonics. A training with the first two terms found such steps by itself; done again,
the same still showed something to gain from 100 to 500 Hz, and nothing elsewhere: hence the third.
"""

import math

import torch
from torch import Tensor, nn

from hypersound_lib.losses.loudness import LoudnessDifference, power, root

BAND_TERMS = ("band_error", "band_level", "spectrum_level", "loudness", "band_excess")

_FLOOR = 1e-5  # added to powers in bands: about -70 dB of a loud band of speech
_LEAST = 1e-7  # and, times the window's length, to those of bins
_LOW, _LOW_BELOW = 15.0, 700.0  # how much more low bands count, and where that has fallen to half, in Hz
_VOICE, _AROUND, _SPREAD = 30.0, 220.0, 0.6  # how much more those of voices do, around which one, and ln of how far
_EXCESS, _UNHEARD = math.log(10**0.25), 1e-8  # of a band's power, and what part of the whole counts as nothing
_MOST = 4.0  # times as loud as the original: beyond, an error counts no more


class BandLosses(nn.Module):
    """Some of `BAND_TERMS`: `(B, T), (B, T) -> {term: (B,)}`.

    The first two terms have the windows `fft_sizes`: `n_mels` bands where that is 2048 samples, of longer ones more.
    """

    def __init__(self, terms: tuple[str, ...], sample_rate: int, fft_sizes: tuple[int, ...], n_mels: int):
        super().__init__()
        import librosa  # takes a second to import, which whoever needs no bands is spared

        self.terms = terms
        self.sizes = tuple(fft_sizes) if {"band_error", "band_level"} & set(terms) else ()
        self.window_sizes = sorted({*self.sizes, *(size for term, size in _WINDOWS.items() if term in terms)})
        for size in self.window_sizes:
            bands = max(8, round(n_mels * (size / 2048) ** 0.75))
            filters = librosa.filters.mel(sr=sample_rate, n_fft=size, n_mels=bands, norm=None)
            self.register_buffer(f"window{size}", torch.hann_window(size), persistent=False)
            self.register_buffer(f"filters{size}", torch.from_numpy(filters), persistent=False)
            centres = torch.from_numpy(librosa.mel_frequencies(bands + 2, fmax=sample_rate / 2)[1:-1]).float()
            weights = 1 + _LOW / (1 + (centres / _LOW_BELOW).square())
            weights += _VOICE * torch.exp(-((centres / _AROUND).log() / _SPREAD).square() / 2)
            self.register_buffer(f"weights{size}", (weights / weights.mean())[:, None], persistent=False)
        if "loudness" in terms:
            self.loudness = LoudnessDifference(sample_rate)

    @property
    def longest_window(self) -> int:
        """In samples."""
        loudness = [self.loudness.size] if "loudness" in self.terms else []
        return max([*self.window_sizes, *loudness])

    def forward(self, estimate: Tensor, reference: Tensor) -> dict[str, Tensor]:
        """Score estimates against references, each on its own, and neither silent anywhere."""
        totals: dict[str, Tensor] = {}
        for size in self.window_sizes:
            x, y = (self._spectrum(signal, size) for signal in (reference, estimate))
            for name, value in self._terms_of(x, y, size).items():
                totals[name] = totals.get(name, 0.0) + value
        if "loudness" in self.terms:
            totals["loudness"] = self.loudness(estimate, reference)
        return totals

    def _terms_of(self, x: Tensor, y: Tensor, size: int) -> dict[str, Tensor]:
        px, py = power(x), power(y)
        terms: dict[str, Tensor] = {}
        if size in self.sizes:
            filters, share = getattr(self, f"filters{size}").to(px.dtype), 1 / len(self.sizes)
            bx = filters @ px
            if "band_error" in self.terms:
                error = filters @ power(y - x) / (bx + 10 * _FLOOR)
                error = getattr(self, f"weights{size}").to(px.dtype) * error.clamp(max=_MOST).log1p()
                terms["band_error"] = share * error.mean(dim=(1, 2))
            if "band_level" in self.terms:
                level = ((bx + _FLOOR).log() - (filters @ py + _FLOOR).log()).abs()
                terms["band_level"] = share * level.mean(dim=(1, 2))
        if "spectrum_level" in self.terms and size == _WINDOWS["spectrum_level"]:
            least = _LEAST * size
            difference = (px + least).log10() - (py + least).log10()
            terms["spectrum_level"] = root(difference.square().mean(dim=1)).mean(dim=-1)
        if "band_excess" in self.terms and size == _WINDOWS["band_excess"]:
            terms["band_excess"] = _excess(px, py, getattr(self, f"filters{size}").to(px.dtype))
        return terms

    def _spectrum(self, signal: Tensor, size: int) -> Tensor:
        window = getattr(self, f"window{size}").to(signal.dtype)
        return torch.stft(signal, size, size // 4, window=window, return_complex=True)


_WINDOWS = {"spectrum_level": 1024, "band_excess": 1024}


def _excess(px: Tensor, py: Tensor, filters: Tensor) -> Tensor:
    """Return how much louder bands of y are, on the mean, than those of x ever are: `(B, bins, frames) -> (B,)`.

    In a steady sound that is what was added to it, and one hears it. In speech nearly nothing counts: its bands change
    by more than that. Two frames at each end see the signal mirrored, a jump of phase that hides what leaks.
    """
    x, y = (p[..., 2:-2] if p.shape[-1] > 4 else p for p in (px, py))
    least = _UNHEARD * x.mean(dim=-1).sum(dim=-1, keepdim=True) + _LEAST
    bx, by = (filters @ x).amax(dim=-1) + least, y.mean(dim=-1) @ filters.T + least
    return root((by.log() - bx.log() - _EXCESS).clamp(min=0).square().mean(dim=-1))
