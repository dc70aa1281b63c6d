"""How different two sounds are in loudness, band by band and moment by moment: the loss term `loudness`.

    P       power in a band, in windows of 32 ms, over that of the threshold, P₀
    N       loudness, ∝ (½ + ½ P / P₀)^0.23 - 1 (Zwicker); 0 below the threshold
    d       N of the estimate less N of the reference, less what is masked: a quarter of the smaller of both
    S       RMS of d over bands: all that is heard of the difference
    A       mean of d over those bands alone that are about 4 dB or more louder than the reference, there times how
            much louder: what was added is heard as something of its own, what is missing is not
    term    c log(1 + D / c), where D is a sum of both, over time

Bands, their widths and the proportions of S and A are those of ITU-T P.862.2 (wide-band PESQ), in formulas in place of
its tables: 48 bands up to 8 kHz, of 0.32 Bark at the lowest and 0.58 Bark at the highest, and each counts in proportion
to its width. What P.862 does beside that is left out: there is no alignment in time, level or spectrum, and only one
threshold for all bands.

Why the worst moments count more: a syllable is as good as its worst part. P.862 takes a mean of sixth powers over
320 ms, and of these the RMS; a plain mean over time hides a short disturbance. Here it is a mean of third powers: in
trainings of `local` from the same weights both brought the same at 24 kbit/s. Why small differences count more: one
model is trained for all rates at once, and D of a copy at 24 kbit/s is an eighth of that of one at 3 kbit/s. By the
logarithm one per cent less of either counts more alike.
"""

import torch
from torch import Tensor, nn

_WINDOW = 0.032  # seconds
_BANDS, _HIGHEST, _WIDENS = 48, 8000.0, 1.013  # up to how many Hz, and how much wider each is than the one below
_THRESHOLD = 1e-11  # P₀, over the square of the window's length: a little more than the noise of 16 bits has
_SUM, _ADDED = 0.68, 0.31  # parts of S and A in D, as P.862 has them but for a factor
_MASKED = 0.25
_LOUDER, _MOST = 3.0, 12.0  # of (ratio of powers)^1.2: what counts as added, and beyond what it counts no more
_QUIET = 1.7  # added to the powers of that ratio, in thresholds
_SYLLABLE, _WORST = 0.32, 3.0  # seconds, and the power of the mean over them
_SMALL = 0.1  # c
_ABOVE = 1e-3


class LoudnessDifference(nn.Module):
    """The term, at a sample rate in Hz: `(B, T), (B, T) -> (B,)`."""

    window: Tensor
    filters: Tensor
    widths: Tensor

    def __init__(self, sample_rate: int):
        super().__init__()
        self.size = 64 * max(1, round(_WINDOW * sample_rate / 64))  # a length whose Fourier transform is fast
        self.syllable = max(2, round(_SYLLABLE * sample_rate / (self.size // 4)))  # in frames
        filters, widths = _bands(self.size, sample_rate)
        self.register_buffer("window", torch.hann_window(self.size), persistent=False)
        self.register_buffer("filters", filters / (_THRESHOLD * self.size**2), persistent=False)
        self.register_buffer("widths", (widths / widths.mean())[:, None], persistent=False)

    def forward(self, estimate: Tensor, reference: Tensor) -> Tensor:
        """Compare each estimate with its reference."""
        x, y = self._powers(reference), self._powers(estimate)
        loud_x, loud_y = ((0.5 + 0.5 * power).clamp(min=1).pow(0.23) - 1 for power in (x, y))
        difference = loud_y - loud_x
        masked = _MASKED * torch.minimum(loud_x, loud_y)
        heard = difference.sign() * (difference.abs() - masked).clamp(min=0) * self.widths.to(x.dtype)
        ratio = ((y + _QUIET) / (x + _QUIET)).detach().pow(1.2)  # its growth is no reason to be loud
        added = heard.clamp(min=0) * (ratio >= _LOUDER) * ratio.clamp(max=_MOST)
        whole = _SUM * over_time(root(heard.square().mean(dim=1)), self.syllable)
        whole = whole + _ADDED * over_time(added.mean(dim=1), self.syllable)
        return _SMALL * (whole / _SMALL).log1p()

    def _powers(self, signal: Tensor) -> Tensor:
        """Return `(B, bands, frames)`, in thresholds."""
        window = self.window.to(signal.dtype)
        spectrum = torch.stft(signal, self.size, self.size // 4, window=window, return_complex=True)
        return self.filters.to(signal.dtype) @ power(spectrum)


def _bands(size: int, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Return which bins `(bands, bins)` each band adds up, and how wide it is in Bark `(bands,)`."""
    hertz = torch.arange(size // 2 + 1).double() * (sample_rate / size)
    widths = _WIDENS ** torch.arange(_BANDS).double()
    widths *= _bark(torch.tensor(_HIGHEST).double()) / widths.sum()
    band = torch.bucketize(_bark(hertz), widths.cumsum(0))
    filters = (band == torch.arange(_BANDS)[:, None]).float()
    filters[:, 0] = 0  # an offset
    there = filters.sum(dim=1) > 0  # of a low sample rate not all are
    return filters[there], widths[there].float()


def _bark(hertz: Tensor) -> Tensor:
    """Return critical-band rates (Zwicker and Terhardt 1980)."""
    return 13 * torch.atan(7.6e-4 * hertz) + 3.5 * torch.atan((hertz / 7500).square())


def over_time(difference: Tensor, syllable: int) -> Tensor:
    """Return the RMS, over syllables, of the mean of third powers within them: `(B, frames) -> (B,)`."""
    size = min(syllable, difference.shape[1])
    powers = (difference + _ABOVE).pow(_WORST).unsqueeze(1)  # the root has no gradient at 0
    worst = nn.functional.avg_pool1d(powers, size, max(1, size // 2), ceil_mode=True).pow(1 / _WORST)
    return worst.square().mean(dim=(1, 2)).sqrt() - _ABOVE


def power(spectrum: Tensor) -> Tensor:
    """Return |X|²."""
    return spectrum.real.square() + spectrum.imag.square()


def root(square: Tensor) -> Tensor:
    """Return √x, with a gradient that is finite at 0."""
    return (square + 1e-6).sqrt() - 1e-3
