"""What a local hypernetwork hears: each frame's lapped waves, band by band brought to one level, and the levels.

    waveform ──► cosines c_m, sines s_m ──► log-levels L_b = ½ log Σ_m E_bm (c_m² + s_m²) / Σ_m E_bm
                                       └──► c_m / e^(Σ_b E_bm L_b),  s_m / e^(…)

The cosines are the amplitudes with which `local_features.lapped_waves` play the sound back exactly; the sines, a
quarter turn on, tell with them how strong a frequency is whatever its phase. It has no weights.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.inr.bands import band_weights
from hypersound_lib.inr.local_features import lapped_waves, wave_table
from hypersound_lib.inr.overlap import window

_FLOOR = 1e-12  # added to powers: -120 dB of full scale
LEVEL, _SPREAD = -6.0, 3.0  # speech at full scale has log-levels of about -6 ± 3
_UNIT = 0.01  # without bands: the amplitude that counts as 1


class LappedSpectrum(nn.Module):
    """Hear a sound frame by frame: `(B, T) -> (B, K, F)`, K = ⌊(T - 1) / hop⌋ + 2, F = 2 hop + bands.

    The features are `hop` cosines, `hop` sines and `bands` levels, of about unit variance for speech.

    Args:
        hop: between frames, in samples.
        bands: with 0, cosines and sines keep their levels.

    >>> LappedSpectrum(8, 4)(torch.zeros(2, 20)).shape
    torch.Size([2, 4, 20])
    """

    def __init__(self, hop: int, bands: int):
        super().__init__()
        self.hop, self.bands, self.num_features = hop, bands, 2 * hop + bands
        self._tables: dict[tuple, tuple[Tensor, Tensor]] = {}

    # θ per unit of a feature, where θ is an amplitude and its logarithm.
    @property
    def cosine_unit(self) -> float:
        """How much amplitude a cosine of 1 stands for: as part of its band's level where there are bands."""
        return 1.0 if self.bands else _UNIT

    @property
    def level_unit(self) -> float:
        """How much log-amplitude a level of 1 stands for."""
        return _SPREAD

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the features of frames 0 … K - 1; frame k hears what lies within a hop of t_k = k · hop."""
        frames = (waveform.shape[-1] - 1) // self.hop + 2
        padded = functional.pad(waveform, (self.hop, frames * self.hop - waveform.shape[-1]))
        halves = padded.unflatten(-1, (-1, self.hop))  # (B, K + 1, hop)
        table, weights = self._table(waveform)
        spectrum = torch.cat([halves[:, :-1], halves[:, 1:]], dim=-1) @ table  # (B, K, 2 hop)
        if not self.bands:
            return spectrum / _UNIT
        cosines, sines = spectrum.chunk(2, dim=-1)
        power = (cosines.square() + sines.square()) @ (weights / weights.sum(dim=-1, keepdim=True)).mT
        levels = 0.5 * torch.log(0.5 * power + _FLOOR)  # (B, K, bands)
        scale = torch.exp(-(levels @ weights))
        return torch.cat([cosines * scale, sines * scale, (levels - LEVEL) / _SPREAD], dim=-1)

    def _table(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return the analysis `(2 hop, 2 hop)` and the bands' weights `(bands, hop)`, made once for a device."""
        key = (like.dtype, like.device)
        if key not in self._tables:
            with torch.device("cpu"):
                frequencies, phases = lapped_waves(self.hop)
                u = torch.arange(2 * self.hop, dtype=torch.float64) / self.hop - 1
                # Played under w, the waves' images in time cancel if they were heard under w / (w² + w(1 - |u|)²).
                dual = window(u) / (window(u).square() + window(1 - u.abs()).square())
                waves = [wave_table(frequencies, phases - turn, u) for turn in (0, math.pi / 2)]
                table = torch.cat(waves) * dual * (2 / self.hop)
                weights = band_weights(frequencies, self.bands) if self.bands else frequencies[:0, None]
            self._tables[key] = (table.T.contiguous().to(like), weights.to(like))
        return self._tables[key]
