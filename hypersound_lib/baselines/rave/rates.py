"""Any sound through what hears and plays at one rate only."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.data import as_sound, peak_normalize, resample, resampled_length


def at_rates(
    play: Callable[[Tensor], Tensor], rate: int, waveform: Tensor, sample_rate: int, output_rate: int | None = None
) -> Tensor:
    """Pass a sound of any rate through what knows only one: `(T,) -> (T',)`; see `RAVE.reconstruct`.

    Args:
        play: maps a sound `(N,)` of full scale to `(N,)`.
        rate: at which `play` hears and plays, in Hz.
        waveform: `(T,)`.
        sample_rate: the waveform's, in Hz.
        output_rate: in Hz; None stands for `rate`.

    Raises:
        ConfigError: the waveform is not `(T,)` with T ≥ 1, holds NaN or Inf, or a rate is impossible.

    >>> at_rates(lambda sound: sound, 8000, torch.full((3,), 0.5), 8000)
    tensor([0.5000, 0.5000, 0.5000])
    """
    output_rate = rate if output_rate is None else output_rate
    waveform = as_sound(waveform)
    total = resampled_length(len(waveform), sample_rate, output_rate)
    heard = resample(waveform, sample_rate, rate)
    gain = heard.abs().max().item() if len(heard) else 0.0
    if gain == 0:
        return torch.zeros(total)
    played = resample(gain * play(peak_normalize(heard)).float().cpu(), rate, output_rate)
    return functional.pad(played, (0, total - len(played)))
