"""Frequencies for a positional embedding (paper, section 3.2), in cycles per unit of t."""

import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError


def octave_frequencies(num_octaves: int) -> Tensor:
    """Return the paper's frequencies: 2⁰π, 2¹π, …, 2^(L-1)π rad, which is 2^(i-1) cycles per unit of t.

    With L = 16 the highest one is 2¹⁴ cycles per clip: exactly the Nyquist frequency of 32 768 samples.

    >>> octave_frequencies(4)
    tensor([0.5000, 1.0000, 2.0000, 4.0000])
    """
    return 2.0 ** (torch.arange(num_octaves, dtype=torch.float32) - 1)


def even_frequencies(num_frequencies: int) -> Tensor:
    """Return ½, 1, 1½, …, K/2 cycles per unit of t: the frequencies of a DCT of K samples, without the constant.

    Half cycles, because whole ones repeat after one unit of t, and a clip's end need not fit its start.

    >>> even_frequencies(4)
    tensor([0.5000, 1.0000, 1.5000, 2.0000])
    """
    return torch.arange(1, num_frequencies + 1, dtype=torch.float32) / 2


def spectral_frequencies(waveform: Tensor, num_frequencies: int, seed: int = 0) -> Tensor:
    """Draw frequencies where a sound has its energy, in cycles per clip, sorted: `(T,) -> (K,)`.

    An embedding can only be combined from the frequencies it has, and speech leaves most of the band nearly
    empty. Bins of the clip's spectrum are drawn without repetition with probability proportional to the square
    root of their magnitude, the mildest weighting that still follows formants, then moved at random within their
    bin. No bin has probability zero.

    Args:
        waveform: the sound, `(T,)`.
        num_frequencies: K, at most T // 2.
        seed: of the drawing.

    Raises:
        ConfigError: more frequencies than the spectrum has bins, or the sound is not `(T,)` with T ≥ 2, not of
            floating-point numbers, or holds NaN or Inf.
    """
    if waveform.ndim != 1 or len(waveform) < 2 or not waveform.is_floating_point():
        raise ConfigError(
            f"frequencies are drawn from a waveform (T,) of floating-point numbers with T of at least 2, not "
            f"{waveform.dtype} {tuple(waveform.shape)}"
        )
    magnitude = torch.fft.rfft(waveform.detach().to("cpu", torch.float32)).abs()[:-1]
    num_bins = magnitude.numel()
    if not magnitude.isfinite().all():
        raise ConfigError("the sound has no spectrum: it holds NaN or Inf, or is far above full scale, which is ±1")
    if not 1 <= num_frequencies <= num_bins:
        raise ConfigError(f"{num_frequencies} frequencies do not fit {num_bins} bins; use 1 to {num_bins}")
    weight = magnitude.sqrt()
    weight = weight + 1e-3 * weight.mean() + 1e-12
    generator = torch.Generator().manual_seed(seed)
    bins = torch.multinomial(weight, num_frequencies, replacement=False, generator=generator)
    jitter = torch.rand(num_frequencies, generator=generator)
    return (bins + jitter).sort().values
