"""Any sound through a `RAVE`: of any length, at any rate, in one pass."""

import math
from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.baselines.rave.model import RAVE
from hypersound_lib.data import as_sound, peak_normalize, resample
from hypersound_lib.errors import ConfigError


@torch.no_grad()
def reconstruct_rave(model: RAVE, waveform: Tensor, sample_rate: int, output_rate: int | None = None) -> Tensor:
    """Encode a sound of any length and rate, and play it at any rate: `(T,) -> (T',)`.

    T' = ⌊T · output_rate / sample_rate + ½⌋. The sound is brought to the model's rate, then to full scale, and the
    result has the original's scale. Silence stays silent. It runs in one pass, so memory grows with its length.

    Args:
        model: on any device.
        waveform: `(T,)`.
        sample_rate: the waveform's, in Hz.
        output_rate: in Hz; None stands for the model's own. soxr brings the result there.

    Returns:
        `(T',)`, float32 on the CPU.

    Raises:
        ConfigError: the waveform is not `(T,)` with T ≥ 1, holds NaN or Inf, or a rate is impossible.
    """
    device = next(model.parameters()).device
    # Silence around the sound keeps its end from meeting its beginning in the filter bank.
    margin = math.ceil(model.pqmf.half_length / model.config.hop_length) * model.config.hop_length
    was_training = model.training

    def play(sound: Tensor) -> Tensor:
        return model(functional.pad(sound, (margin, margin)).unsqueeze(0).to(device))[0, margin : margin + len(sound)]

    model.eval()
    try:
        return at_rates(play, model.config.sample_rate, waveform, sample_rate, output_rate)
    finally:
        model.train(was_training)


def at_rates(
    play: Callable[[Tensor], Tensor], rate: int, waveform: Tensor, sample_rate: int, output_rate: int | None = None
) -> Tensor:
    """Pass a sound of any rate through what knows only one: `(T,) -> (T',)`; see `reconstruct_rave`.

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
    if min(sample_rate, output_rate) < 1:
        raise ConfigError(f"a sample rate is a positive number of Hz, not {min(sample_rate, output_rate)}")
    waveform = as_sound(waveform)
    total = math.floor(Fraction(len(waveform) * output_rate, sample_rate) + Fraction(1, 2))
    heard = resample(waveform, sample_rate, rate)
    gain = heard.abs().max().item() if len(heard) else 0.0
    if gain == 0:
        return torch.zeros(total)
    played = resample(gain * play(peak_normalize(heard)).float().cpu(), rate, output_rate)[:total]
    return functional.pad(played, (0, total - len(played)))
