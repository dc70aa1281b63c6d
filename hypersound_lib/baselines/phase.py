"""Two signals with the true magnitudes and another phase: what a metric says when only the waveform is lost.

Both keep the magnitudes of the short-time Fourier transform, at any sample rate with Hann windows of 2048/44100 s
(46 ms), one every 512/44100 s (12 ms).

- `random_phase` draws every phase anew. Neighbouring frames overlap by three quarters and no longer agree, so that the
  transform of the result has other magnitudes than were asked for.
- `griffin_lim` looks for phases that do agree (Griffin and Lim 1984), with momentum (Perraudin, Balazs and Søndergaard
  2013): transform, keep the phase, put the true magnitude back, transform back, again and again.

Both sound like the original, more or less, and neither follows its waveform: SI-SNR stays below 0 dB. A model that only
gets magnitudes right is as good as these. They are references, not codecs: the magnitudes alone are about twice as
many numbers as there are samples.
"""

import math

import torch
from torch import Tensor

from hypersound_lib.baselines.waveform import as_waveform
from hypersound_lib.errors import ConfigError


def random_phase(waveform: Tensor, sample_rate: int, seed: int = 0) -> Tensor:
    """Keep the magnitudes, draw the phases at random: `(T,) -> (T,)`, any T ≥ 1.

    Raises:
        ConfigError: the sound is not as `as_waveform` wants it, or there is no rate.

    >>> random_phase(torch.zeros(100), 16000).abs().max()
    tensor(0.)
    """
    waveform = as_waveform(waveform)
    transform = _Transform(waveform, sample_rate)
    magnitude = transform.forward(waveform).abs()
    return transform.inverse(torch.polar(magnitude, _random_angles(magnitude, seed)))


def griffin_lim(
    waveform: Tensor, sample_rate: int, iterations: int = 60, seed: int = 0, momentum: float = 0.99
) -> Tensor:
    """Keep the magnitudes, search for phases that agree: `(T,) -> (T,)`, any T ≥ 1.

    Args:
        waveform: whose magnitudes are taken.
        sample_rate: in Hz.
        iterations: of the search; 0 is `random_phase`.
        seed: of the phases that the search starts from.
        momentum: how far each step goes on in the direction of the last; 0 is the algorithm of 1984.

    Raises:
        ConfigError: the sound is not as `as_waveform` wants it, or there is no rate, fewer than no iterations, or a
            momentum outside [0, 1).
    """
    if iterations < 0 or not 0 <= momentum < 1:
        raise ConfigError(f"Griffin-Lim takes iterations ≥ 0 and 0 ≤ momentum < 1, not {iterations} and {momentum}")
    waveform = as_waveform(waveform)
    transform = _Transform(waveform, sample_rate)
    magnitude = transform.forward(waveform).abs()
    spectrum = torch.polar(magnitude, _random_angles(magnitude, seed))
    previous = torch.zeros_like(spectrum)
    for _ in range(iterations):
        consistent = transform.forward(transform.inverse(spectrum))
        ahead = consistent + momentum * (consistent - previous)
        spectrum = torch.polar(magnitude, ahead.angle())
        previous = consistent
    return transform.inverse(spectrum)


class _Transform:
    """The short-time Fourier transform of sounds as long as `waveform`, `(T,) <-> (bins, frames)`."""

    def __init__(self, waveform: Tensor, sample_rate: int):
        if sample_rate < 1:
            raise ConfigError(f"a waveform's samples have a rate of at least 1 Hz, not {sample_rate}")
        self.num_samples = len(waveform)
        self.hop_length = max(1, round(512 * sample_rate / 44100))
        self.n_fft = 4 * self.hop_length
        self.window = torch.hann_window(self.n_fft, dtype=waveform.dtype, device=waveform.device)

    def forward(self, waveform: Tensor) -> Tensor:
        # Zeros at the ends, not a mirrored copy, which a sound shorter than half a window could not give.
        return torch.stft(
            waveform, self.n_fft, self.hop_length, window=self.window, pad_mode="constant", return_complex=True
        )

    def inverse(self, spectrum: Tensor) -> Tensor:
        return torch.istft(spectrum, self.n_fft, self.hop_length, window=self.window, length=self.num_samples)


def _random_angles(magnitude: Tensor, seed: int) -> Tensor:
    uniform = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (2 * math.pi * uniform).to(magnitude)
