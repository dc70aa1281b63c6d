"""The voice's own source: a train of pulses, of which two numbers a frame tell how fast and where.

A voiced sound is a row of glottal pulses, coloured by the mouth (Dudley's vocoder, 1939). Steering each of its waves
takes hundreds of numbers; the pulses' rate ν, in cycles per hop, and the phase φ of the one that is nearest to the
frame's centre take two, and bands' levels say how loud the train is in each:

    pulses at u_j = (j - φ) / ν,  |u_j| < 1,    wave m of the train:  p_m = Σ_j w̃(u_j) cos(2π f_m u_j + p_m)

with w̃ the dual of the windows, as in `local_spectrum`: being amplitudes of the same waves, pulses cost nothing to
play, and end at the trained Nyquist frequency like everything else.
"""

import math

import torch
from torch import Tensor

from hypersound_lib.inr.overlap import dual_window

_OCTAVE = 0.08  # how much more similar a sound must be to itself an octave lower, for the lower pitch to be believed


def pulse_waves(pitch: Tensor, frequencies: Tensor, phases: Tensor, fastest: float) -> Tensor:
    """Return the waves' amplitudes for pulses of about unit power: `(..., 2), (M,), (M,) -> (..., M)`.

    Args:
        pitch: log ν, ν in pulses per hop, and φ in cycles.
        frequencies: of the waves, in cycles per hop.
        phases: of the waves, in radians.
        fastest: the largest ν that occurs.
    """
    nu, phi = pitch[..., :1].exp(), pitch[..., 1:]
    reach = math.ceil(fastest) + 1
    numbers = torch.arange(-reach, reach + 1, dtype=pitch.dtype, device=pitch.device)
    u = (numbers - phi) / nu  # (..., J)
    angles = 2 * math.pi * u.unsqueeze(-2) * frequencies.to(pitch)[:, None] + phases.to(pitch)[:, None]
    waves = (torch.cos(angles) * dual_window(u).unsqueeze(-2)).sum(dim=-1)
    # Of about 2 ν pulses under a window each adds ½ w̃² of power, so that the sum over waves' squares grows as ν.
    return waves * (1.5 / nu).sqrt()


def track_pitch(frames: Tensor, slowest: float, fastest: float) -> Tensor:
    """Hear how fast and where pulses come: `(..., 2 hop) -> (..., 3)`: log ν, φ, and how sure it is, in [0, 1].

    The lag within `slowest` to `fastest` pulses per hop at which a frame, tapered, is most similar to itself
    (Boersma 1993, without his path over frames), then the phase of that frequency at the frame's centre.
    """
    size = frames.shape[-1]  # two hops
    hop = size // 2
    taper = torch.hann_window(size, dtype=frames.dtype, device=frames.device)
    tapered = (frames - frames.mean(dim=-1, keepdim=True)) * taper
    similar = _autocorrelation(tapered) / _autocorrelation(taper).clamp(min=1e-6 * taper.square().sum())
    similar = similar * taper.square().sum() / (tapered.square().sum(dim=-1, keepdim=True) + 1e-9)
    first, last = max(2, math.floor(hop / fastest)), min(size - 2, math.ceil(hop / slowest))
    lags = torch.arange(first, last + 1, device=frames.device)
    preferred = similar[..., first : last + 1] - _OCTAVE * torch.log2(lags / first)
    lag = preferred.argmax(dim=-1, keepdim=True) + first
    before, here, after = (similar.gather(-1, lag + d) for d in (-1, 0, 1))
    curve = (before - 2 * here + after).clamp(max=-1e-6)
    exact = lag + (0.5 * (before - after) / curve).clamp(-0.5, 0.5)  # a parabola's top
    nu = (hop / exact).clamp(slowest, fastest)
    u = torch.arange(size, dtype=frames.dtype, device=frames.device) / hop - 1
    angles = 2 * math.pi * nu * u
    real, imaginary = ((tapered * wave).sum(dim=-1, keepdim=True) for wave in (angles.cos(), -angles.sin()))
    phi = torch.atan2(imaginary, real) / (2 * math.pi)
    return torch.cat([nu.log(), phi, here.clamp(0, 1)], dim=-1)


def _autocorrelation(x: Tensor) -> Tensor:
    size = x.shape[-1]
    return torch.fft.irfft(torch.fft.rfft(x, 2 * size).abs().square())[..., :size]
