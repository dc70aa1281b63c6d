"""What a local hypernetwork hears: each frame's lapped waves, band by band brought to one level, and the levels.

    waveform ──► cosines c_m, sines s_m ──► log-levels L_b = ½ log Σ_m E_bm (c_m² + s_m²) / Σ_m E_bm
                                       └──► c_m / e^(Σ_b E_bm L_b),  s_m / e^(…)

The cosines are the amplitudes with which `local_features.lapped_waves` play the sound back exactly; the sines, a
quarter turn on, tell with them how strong a frequency is whatever its phase. Where the target plays pulses, their rate
and phase are heard, too (see `pulses`). It has no weights.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.inr.bands import band_weights
from hypersound_lib.inr.local_features import lapped_waves, wave_table
from hypersound_lib.inr.overlap import dual_window
from hypersound_lib.inr.pulses import track_pitch

_FLOOR = 1e-12  # added to powers: -120 dB of full scale
LEVEL, SPREAD = -6.0, 3.0  # speech at full scale has log-levels of about -6 ± 3
PITCH = 5  # features of pulses
_UNIT = 0.01  # without bands: the amplitude that counts as 1


class LappedSpectrum(nn.Module):
    """Hear a sound frame by frame: `(B, T) -> (B, K, F)`, K = ⌊(T - 1) / hop⌋ + 2, F = 2 hop + bands (+ 5).

    The features are `hop` cosines, `hop` sines and `bands` levels, of about unit variance for speech, then with pulses
    `PITCH`: log ν, cos 2πφ, sin 2πφ, how sure they are, and φ itself in cycles.

    Args:
        hop: between frames, in samples.
        bands: with 0, cosines and sines keep their levels.
        pulses: the slowest and the fastest, per hop; none listens for none.

    >>> LappedSpectrum(8, 4)(torch.zeros(2, 20)).shape
    torch.Size([2, 4, 20])
    """

    def __init__(self, hop: int, bands: int, pulses: tuple[float, ...] = ()):
        super().__init__()
        self.hop, self.bands, self.pulses = hop, bands, pulses
        self.num_features = 2 * hop + bands + (PITCH if pulses else 0)
        self._tables: dict[tuple, tuple[Tensor, Tensor]] = {}

    # θ per unit of a feature, where θ is an amplitude and its logarithm.
    @property
    def cosine_unit(self) -> float:
        """How much amplitude a cosine of 1 stands for: as part of its band's level where there are bands."""
        return 1.0 if self.bands else _UNIT

    @property
    def level_unit(self) -> float:
        """How much log-amplitude a level of 1 stands for."""
        return SPREAD

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the features of frames 0 … K - 1; frame k hears what lies within a hop of t_k = k · hop."""
        frames = (waveform.shape[-1] - 1) // self.hop + 2
        padded = functional.pad(waveform, (self.hop, frames * self.hop - waveform.shape[-1]))
        halves = padded.unflatten(-1, (-1, self.hop))  # (B, K + 1, hop)
        table, weights = self._table(waveform)
        heard = torch.cat([halves[:, :-1], halves[:, 1:]], dim=-1)  # (B, K, 2 hop)
        spectrum = heard @ table
        if not self.bands:
            return spectrum / _UNIT
        cosines, sines = spectrum.chunk(2, dim=-1)
        power = (cosines.square() + sines.square()) @ (weights / weights.sum(dim=-1, keepdim=True)).mT
        levels = 0.5 * torch.log(0.5 * power + _FLOOR)  # (B, K, bands)
        scale = torch.exp(-(levels @ weights))
        features = [cosines * scale, sines * scale, (levels - LEVEL) / SPREAD]
        return torch.cat(features + self._pitch(heard), dim=-1)

    def _pitch(self, heard: Tensor) -> list[Tensor]:
        if not self.pulses:
            return []
        rate, phase, sure = track_pitch(heard.detach(), *self.pulses).split(1, dim=-1)
        turn = 2 * math.pi * phase
        return [rate, turn.cos(), turn.sin(), sure, phase]

    def _table(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return the analysis `(2 hop, 2 hop)` and the bands' weights `(bands, hop)`, made once for a device."""
        key = (like.dtype, like.device)
        if key not in self._tables:
            with torch.device("cpu"):
                frequencies, phases = lapped_waves(self.hop)
                u = torch.arange(2 * self.hop, dtype=torch.float64) / self.hop - 1
                waves = [wave_table(frequencies, phases - turn, u) for turn in (0, math.pi / 2)]
                table = torch.cat(waves) * dual_window(u) * (2 / self.hop)
                weights = band_weights(frequencies, self.bands) if self.bands else frequencies[:0, None]
            self._tables[key] = (table.T.contiguous().to(like), weights.to(like))
        return self._tables[key]
