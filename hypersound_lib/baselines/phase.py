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

from hypersound_lib.data.waveforms import as_waveform
from hypersound_lib.errors import ConfigError

_MOMENTUM = 0.99  # how far each step goes on in the direction of the last; 0 is the algorithm of 1984


def random_phase(waveform: Tensor, sample_rate: int, seed: int = 0) -> Tensor:
    """Keep the magnitudes, draw the phases at random: `(T,) -> (T,)`, any T ≥ 1; rate in Hz, errors as `griffin_lim`.

    >>> random_phase(torch.zeros(100), 16000).abs().max()
    tensor(0.)
    """
    return griffin_lim(waveform, sample_rate, iterations=0, seed=seed)


def griffin_lim(waveform: Tensor, sample_rate: int, iterations: int = 60, seed: int = 0) -> Tensor:
    """Keep the magnitudes, search from random phases for some that agree: `(T,) -> (T,)`, any T ≥ 1; rate in Hz.

    Raises:
        ConfigError: the sound is not as `as_waveform` wants it, or there is no rate, or fewer than no iterations.
    """
    if iterations < 0:
        raise ConfigError(f"Griffin-Lim takes iterations ≥ 0, not {iterations}")
    waveform = as_waveform(waveform)
    if sample_rate < 1:
        raise ConfigError(f"a waveform's samples have a rate of at least 1 Hz, not {sample_rate}")
    hop = max(1, round(512 * sample_rate / 44100))
    window = torch.hann_window(4 * hop, dtype=waveform.dtype, device=waveform.device)

    def forward(sound: Tensor) -> Tensor:
        # Zeros at the ends, not a mirrored copy, which a sound shorter than half a window could not give.
        return torch.stft(sound, 4 * hop, hop, window=window, pad_mode="constant", return_complex=True)

    def inverse(spectrum: Tensor) -> Tensor:
        return torch.istft(spectrum, 4 * hop, hop, window=window, length=len(waveform))

    magnitude = forward(waveform).abs()
    uniform = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    spectrum = torch.polar(magnitude, (2 * math.pi * uniform).to(magnitude))
    previous = torch.zeros_like(spectrum)
    for _ in range(iterations):
        consistent = forward(inverse(spectrum))
        spectrum = torch.polar(magnitude, (consistent + _MOMENTUM * (consistent - previous)).angle())
        previous = consistent
    return inverse(spectrum)
