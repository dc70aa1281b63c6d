"""A truncated MDCT: keep the largest coefficients of the transform inside MP3 and AAC, forget the others.

The modified discrete cosine transform (Princen, Johnson and Bradley 1987) cuts a sound into frames of 2N samples
that overlap by half, and describes each by N cosines:

    samples   |  N  |  N  |  N  |  N  |
    frame 0   [‾‾‾‾‾‾‾‾‾‾‾]                 2N samples -> N coefficients
    frame 1         [‾‾‾‾‾‾‾‾‾‾‾]
    frame 2               [‾‾‾‾‾‾‾‾‾‾‾]

so there is one coefficient per sample. A frame alone cannot be undone; it returns its signal plus a mirrored copy
(the alias). With the sine window w[n] = sin(π(n + ½) / 2N), where w[n]² + w[n + N]² = 1, the alias of one frame
cancels that of the next, and the whole transform is orthonormal: the error's energy is that of the coefficients
left out, and to keep the largest ones is the best choice there is.
"""

import math

import torch
from torch import Tensor

from hypersound_lib.data.waveforms import as_waveform
from hypersound_lib.errors import ConfigError


def mdct(waveform: Tensor, hop_length: int = 512) -> Tensor:
    """Transform a sound: `(T,) -> (frames, N)` with N = hop_length; the ends are padded with zeros.

    Raises:
        ConfigError: the sound is not as `as_waveform` wants it, or the hop not positive.
    """
    waveform = as_waveform(waveform)
    if hop_length < 1:
        raise ConfigError(f"an MDCT takes a hop_length of at least 1 sample, not {hop_length}")
    # one hop of zeros before, and enough behind that every sample lies in two frames
    tail = -len(waveform) % hop_length + hop_length
    padded = torch.nn.functional.pad(waveform, (hop_length, tail))
    frames = padded.unfold(0, 2 * hop_length, hop_length)
    return frames @ _basis(hop_length).to(waveform)


def imdct(coefficients: Tensor, num_samples: int) -> Tensor:
    """Undo `mdct`: `(frames, N) -> (num_samples,)`.

    >>> x = torch.randn(5000, dtype=torch.float64)
    >>> torch.allclose(imdct(mdct(x), 5000), x)
    True
    """
    hop_length = coefficients.shape[1]
    frames = coefficients @ _basis(hop_length).to(coefficients).T  # (frames, 2N)
    # overlap-add: the second half of each frame falls on the first half of the next
    first, second = frames[:, :hop_length], frames[:, hop_length:]
    return (first[1:] + second[:-1]).flatten()[:num_samples]


def truncated_mdct(waveform: Tensor, num_coefficients: int, hop_length: int = 512) -> Tensor:
    """Rebuild a sound from its largest MDCT coefficients: `(T,) -> (T,)`.

    Which ones are kept is not counted as information, which flatters this baseline.
    """
    coefficients = mdct(waveform, hop_length)
    if not 0 <= num_coefficients <= coefficients.numel():
        raise ConfigError(f"this sound has {coefficients.numel()} coefficients: cannot keep {num_coefficients}")
    kept = torch.zeros_like(coefficients).flatten()
    largest = coefficients.flatten().abs().topk(num_coefficients).indices
    kept[largest] = coefficients.flatten()[largest]
    return imdct(kept.view_as(coefficients), len(waveform))


def mdct_of_size(waveform: Tensor, sample_rate: int, floats_per_second: float) -> Tensor:
    """Rebuild a sound from so many MDCT coefficients per second: `(T,) -> (T,)`.

    There is one coefficient per sample, rounded up to whole frames: more cannot be kept, and all give the sound itself.

    Raises:
        ConfigError: `floats_per_second` is negative, or the sound is none.
    """
    if not (floats_per_second >= 0 and sample_rate > 0):
        raise ConfigError(f"a size and a rate are positive, not {floats_per_second} per second at {sample_rate} Hz")
    coefficients = mdct(waveform).numel()
    return truncated_mdct(waveform, round(min(floats_per_second * len(waveform) / sample_rate, coefficients)))


def _basis(hop_length: int) -> Tensor:
    """Return the 2N windowed samples of each of the N cosines, `(2N, N)`."""
    n = torch.arange(2 * hop_length, dtype=torch.float64).unsqueeze(-1)
    k = torch.arange(hop_length, dtype=torch.float64)
    window = torch.sin(math.pi * (n + 0.5) / (2 * hop_length))
    phase = math.pi / hop_length * (n + 0.5 + hop_length / 2) * (k + 0.5)
    return math.sqrt(2 / hop_length) * window * torch.cos(phase)
