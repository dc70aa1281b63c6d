"""A pseudo quadrature mirror filter bank: a sound as M narrow bands at a rate M times lower, and back.

RAVE works on 16 such bands (Caillon and Esling 2021). The filters are cosines under one low-pass
prototype h of L = 12·M taps (Nguyen 1994), a Kaiser window's whose cutoff is optimised (Lin and Vaidyanathan 1998):

    h_k[n] = √2 · h[n] · cos((2k + 1) · π/2M · (n - (L - 1)/2) + (-1)^k · π/4),    k = 0 … M - 1

         |H_0|  |H_1|  |H_2|        |H_M-1|        Neighbours overlap. What one band's lower rate folds into it, the
        ‾‾‾‾‾\\/‾‾‾‾\\/‾‾‾‾\\/  ...  /‾‾‾‾‾‾‾         phases ±π/4 make its neighbour fold in with the opposite sign.
        0    π/M   2π/M                   π

Analysis projects the sound on all h_k[n - mM]. If these were orthonormal, synthesis with the very same filters (the
transpose) would undo it, without any delay. They are so exactly where h is power complementary:

    Σ_l h[k + 2lM]·h[k + 2(l + s)M]  +  the same for k + M  =  1/M if s = 0, else 0,    for k < M, s < L/2M    (*)

The best cutoff fulfils (*) only so far that the error is -58 dB. A few least-squares steps from there bring it to
-91 dB, and the stop band stays below -75 dB (for 16 bands).
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.errors import ConfigError

_TAPS_PER_BAND = 12  # an even number
_ATTENUATION = 100.0  # of the Kaiser window's stop band, in dB


class PQMF(nn.Module):
    """Analysis `(B, T) -> (B, M, T / M)` and synthesis `(B, M, T / M) -> (B, T)`, without delay.

    A sound is taken as periodic: its end meets its beginning, as far as a filter is long. So nothing is lost at the
    ends, and the bands hold as many numbers as the sound has samples.

    Args:
        bands: M, a power of two, at least 2.

    Raises:
        ConfigError: `bands` is something else.

    >>> pqmf = PQMF(16)
    >>> sound = torch.sin(torch.arange(3200) ** 2 / 2000).unsqueeze(0)
    >>> bands = pqmf.analysis(sound)
    >>> bands.shape
    torch.Size([1, 16, 200])
    >>> bool((pqmf.synthesis(bands) - sound).abs().max() < 1e-4)
    True
    """

    filters: Tensor

    def __init__(self, bands: int = 16):
        super().__init__()
        if bands < 2 or bands & (bands - 1):
            raise ConfigError(f"a filter bank has 2, 4, 8, … bands, not {bands}")
        self.bands = bands
        # A band then has the sound's own scale: a tone of amplitude 1 is one of amplitude 1 in its band.
        filters = torch.tensor(_filters(bands), dtype=torch.float32) / math.sqrt(bands)
        self.register_buffer("filters", filters.unsqueeze(1))  # (M, 1, L)

    @property
    def half_length(self) -> int:
        """How many samples before and after its own a filter sees."""
        return self.filters.shape[-1] // 2

    def analysis(self, waveform: Tensor) -> Tensor:
        """Split sounds into bands: `(B, T) -> (B, M, T / M)`, band 0 lowest; T is a multiple of M."""
        # Frame m sees samples mM - p … mM - p + L - 1, with its own M samples in the middle.
        p = (self.filters.shape[-1] - self.bands) // 2
        return functional.conv1d(_wrap(waveform, p).unsqueeze(1), self.filters, stride=self.bands)

    def synthesis(self, bands: Tensor) -> Tensor:
        """Join bands: `(B, M, F) -> (B, F · M)`."""
        p = (self.filters.shape[-1] - self.bands) // 2
        beyond = math.ceil(p / self.bands)  # frames beyond either end that reach into the sound
        filters = self.filters * self.bands
        # The first of these frames begins at sample -beyond·M - p, so that much is cut off.
        return functional.conv_transpose1d(
            _wrap(bands, beyond), filters, stride=self.bands, padding=p + beyond * self.bands
        ).squeeze(1)


def _wrap(x: Tensor, count: int) -> Tensor:
    """Continue a periodic signal by `count` values on both sides, `(..., T) -> (..., T + 2 count)`."""
    index = torch.arange(-count, x.shape[-1] + count, device=x.device) % x.shape[-1]
    return x[..., index]


@lru_cache
def _filters(bands: int) -> np.ndarray:
    """Return the M filters, orthonormal with all their shifts by multiples of M: `(M, L)`, float64."""
    h = _complement(_kaiser_prototype(bands), bands)
    n = np.arange(len(h)) - (len(h) - 1) / 2
    k = np.arange(bands)[:, None]
    return math.sqrt(2) * h * np.cos((2 * k + 1) * np.pi / (2 * bands) * n + (-1.0) ** k * np.pi / 4)


def _kaiser_prototype(bands: int) -> np.ndarray:
    """Return the low-pass filter whose |H|² and its shifts by π/M add up best to a constant: `(L,)`, Σ h² = 1.

    Such a sum is flat where the autocorrelation of h vanishes at all multiples of 2M but 0.
    """
    from scipy.optimize import minimize_scalar
    from scipy.signal import firwin, kaiser_beta

    def prototype(cutoff: float) -> np.ndarray:
        h = firwin(_TAPS_PER_BAND * bands, cutoff, window=("kaiser", kaiser_beta(_ATTENUATION)))
        return h / np.linalg.norm(h)

    def ripple(cutoff: float) -> float:
        h = prototype(cutoff)
        autocorrelation = np.correlate(h, h, "full")[len(h) - 1 :]
        return np.abs(autocorrelation[2 * bands :: 2 * bands]).max()

    # In units of Nyquist a band's edge is 1 / M; half of it is the middle of the prototype's slope, or a little more.
    return prototype(minimize_scalar(ripple, bounds=(0.45 / bands, 0.8 / bands), options={"xatol": 1e-9}).x)


def _complement(h: np.ndarray, bands: int) -> np.ndarray:
    """Change a prototype as little as it takes to fulfil (*): `(L,) -> (L,)`.

    Each step linearises (*) and takes the shortest step that solves it. Directions in which h would have to change much
    for little effect are left out: they would spoil the stop band.
    """
    length = len(h) // (2 * bands)
    for _ in range(4):
        phases = h.reshape(length, 2 * bands)  # phases[l, k] = h[k + 2lM]
        rows, missing = [], []
        for k in range(bands):
            for s in range(length):
                early, late = phases[: length - s, [k, k + bands]], phases[s:, [k, k + bands]]
                slope = np.zeros_like(phases)
                slope[: length - s, [k, k + bands]] += late
                slope[s:, [k, k + bands]] += early
                rows.append(slope.ravel())
                missing.append((1 / bands if s == 0 else 0) - (early * late).sum())
        h = h + np.linalg.lstsq(np.array(rows), np.array(missing), rcond=0.03)[0]
    return (h + h[::-1]) / 2
