"""A local target: time is covered by windows, and each has a small θ of its own.

    x̂(t) = Σ_k w(t - t_k) T((t - t_k) / hop; θ_k),        T(u; θ) = Σ_m a_m cos(2π f_m u + p_m)

Frame k's amplitudes a are θ's `readout` itself or, with a learnt `basis` B that all frames of all sounds share, B
readout: fewer numbers, spent where speech varies. With `bands` θ says apart how loud each band is and what it holds, as
audio codecs do, and adds a texture (see `bands`):

    a_m = exp(Σ_b E_bm gains_b) (B readout)_m + exp(Σ_b E_bm textures_b) s_km

A network that emits amplitudes as they are must hit the loud ones and the quiet ones, 100 dB apart, with one error.
Here its error is a part of each band's own level, which is how ears and all log-spectral metrics judge. With `pulses`
there is a voice to colour, too: two numbers give a train of pulses its waves p (see `pulses`), and a_m gains
+ exp(Σ_b E_bm voices_b) p_km. With `loudest` the readout is of the loudest waves alone, and places itself (see
`loudest`): B readout becomes the readout's own number where a wave is among them, and 0 elsewhere.

Playing is one matrix product with a fixed table of waves, then an overlap-add. Where a hop is no whole number of
samples, frame k's instants are shifted by δ_k, and cos(α + 2π f δ) = cos α cos 2πfδ - sin α sin 2πfδ moves the shift
into the amplitudes: the table, now of cosines and sines, stays fixed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import torch
from torch import Tensor, nn

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.bands import band_weights, random_signs
from hypersound_lib.inr.local_features import WAVES, wave_table
from hypersound_lib.inr.local_spectrum import LEVEL, LappedSpectrum
from hypersound_lib.inr.local_target import LocalTarget
from hypersound_lib.inr.loudest import log_comb, loudest
from hypersound_lib.inr.overlap import FrameGrid, window
from hypersound_lib.inr.pulses import pulse_waves

# A window of 2 hops spreads a wave over its neighbours: so many cycles per hop away, its skirts are 60 dB down.
GUARD = 4.0
_CHUNK = 4096  # instants at once in `at`
_TEXTURE = LEVEL - 1.5  # at the start: textures 13 dB below what the readout says
_VOICE = LEVEL - 1.0
_RANGE = (-18.0, 1.0)  # of log-amplitudes: beyond -156 and 9 dB of full scale nothing is to be played


@dataclass(frozen=True)
class LocalConfig:
    """Size of a `LocalINR`."""

    hop: int = 160  # between windows, in samples of the trained rate; a window is twice as long
    waves: str = "lapped"  # or "paired"; see local_features
    basis: int = 0  # 0: one number per wave; above: so many, and a learnt basis turns them into the waves' amplitudes
    bands: int = 0  # above 0: gains and noise-like textures in so many bands
    pulses: tuple[float, ...] = ()  # slowest and fastest train of pulses, per hop; none: there is none
    loudest: int = 0  # above 0: the readout is of at most so many waves, in each frame the loudest; see `loudest`
    textures: int = 0  # bands of textures and voices; 0: as many as `bands`
    ceiling: float = 0.4  # part of the trained Nyquist frequency above which waves are less wanted for the readout

    def __post_init__(self):
        if self.hop < 2 or self.waves not in WAVES or self.basis < 0 or self.bands < 0 or self.bands == 1:
            raise ConfigError(
                f"hop is at least 2, waves one of {', '.join(WAVES)}, basis at least 0, bands 0 or at least 2: {self}"
            )
        if self.pulses and not (
            len(self.pulses) == 2 and self.bands and 1 <= self.pulses[0] < self.pulses[1] <= self.hop / 4
        ):
            raise ConfigError(
                f"pulses need bands, and a slowest of at least 1 and a fastest of at most hop / 4: {self}"
            )
        if self.textures < 0 or self.textures == 1 or (self.textures and not self.bands) or not 0 < self.ceiling <= 1:
            raise ConfigError(f"textures are 0, or at least 2 beside bands, and the ceiling lies in (0, 1]: {self}")
        if self.loudest and not (
            0 < self.loudest <= self.hop and self.pulses and self.waves == "lapped" and not self.basis
        ):
            raise ConfigError(
                f"the loudest waves, at most hop, are found by bands and pulses, among lapped waves without a basis: "
                f"{self}"
            )


class LocalINR(LocalTarget):
    """The family of local targets whose T is a sum of waves; see the module's docstring.

    >>> target = LocalINR(LocalConfig(hop=8, basis=3, bands=2))
    >>> target.shapes
    {'readout': torch.Size([3]), 'gains': torch.Size([2]), 'textures': torch.Size([2])}
    >>> target({name: torch.zeros(2, 5, *shape) for name, shape in target.shapes.items()}).shape  # 2 sounds, 5 frames
    torch.Size([2, 32])
    """

    plays_lower_rates: ClassVar[bool] = True  # waves that would fold, skirts included, are left out

    def __init__(self, config: LocalConfig = LocalConfig()):
        shapes = {"readout": torch.Size([config.loudest or config.basis or config.hop])}
        textures = torch.Size([config.textures or config.bands])
        if config.bands:
            shapes |= {"gains": torch.Size([config.bands]), "textures": textures}
        if config.pulses:
            shapes |= {"voices": textures} | {"pitch": torch.Size([3 if config.loudest else 2])}
        if config.loudest:
            shapes |= {"clear": torch.Size([1])}
        super().__init__(config.hop, shapes)
        self.config = config
        self._tables: dict[tuple, tuple[Tensor, ...]] = {}
        if config.basis:
            self.basis = nn.Linear(config.basis, config.hop, bias=False)
            nn.init.eye_(self.basis.weight)  # the lowest waves; training finds better ones
        else:
            self.basis = None

    def start(self) -> dict[str, Tensor]:
        """Return θ₀, from which a hypernetwork starts: silence, and textures far below the sound."""
        start = {name: torch.zeros(shape) for name, shape in self.shapes.items()}
        if self.config.bands:
            start["gains"].fill_(LEVEL)
            start["textures"].fill_(_TEXTURE)
        if self.config.pulses:
            start["voices"].fill_(_VOICE)
        return start

    def scales(self) -> dict[str, float]:
        """Return how far each generated tensor should vary at the start, for a sound of RMS 0.1."""
        # M waves of amplitude a have variance M a² / 2, and two windows that add up keep half to all of it.
        amplitude = 0.1 * (2 / self.shapes["readout"].numel()) ** 0.5
        if not self.config.bands:
            return {"readout": amplitude}
        return {"readout": 1.0, "gains": 0.5, "textures": 0.5, "voices": 0.5}

    def copy(self, spectrum: LappedSpectrum) -> Tensor | None:
        """Return C, which is the identity where waves and bands are those that are heard; else None."""
        if self.config.waves != "lapped" or spectrum.bands != self.config.bands or self.config.loudest:
            return None
        if self.config.textures not in (0, self.config.bands):
            return None
        size, bands, hop = self.shapes["readout"].numel(), self.config.bands, self.config.hop
        copy = torch.zeros(sum(n.numel() for name, n in self.shapes.items() if name != "pitch"), spectrum.num_features)
        unit = torch.eye(size, min(size, hop))
        copy[:size, : unit.shape[1]] = unit * spectrum.cosine_unit
        for first in range(size, len(copy), bands) if bands else ():  # gains, textures, voices
            copy[first : first + bands, 2 * hop : 2 * hop + bands] = torch.eye(bands) * spectrum.level_unit
        return copy

    def _play(self, params: Mapping[str, Tensor], grid: FrameGrid) -> Tensor:
        """Play all frames by one product with a table of waves, or by two where a hop is no whole number of samples."""
        kept = self._kept(grid.samples_per_hop)
        amplitudes = self._amplitudes(params, grid.frames)[..., kept]
        table, quarter = self._table(grid, kept, amplitudes)
        if grid.is_whole:
            return grid.add(amplitudes @ table)
        frequencies = self._waves()[0][kept]
        turn = 2 * torch.pi * frequencies * grid.shifts()[:, None]  # (K, M)
        return grid.add(
            (amplitudes * turn.cos().to(amplitudes)) @ table - (amplitudes * turn.sin().to(amplitudes)) @ quarter
        )

    def _play_at(
        self, times: Tensor, params: Mapping[str, Tensor], frames: range, samples_per_hop: Fraction | None
    ) -> Tensor:
        """Play instants in chunks, each from the two frames about it."""
        kept = self._kept(samples_per_hop)
        amplitudes = self._amplitudes(params, frames)[..., kept]  # (B, K, M)
        waves = [part[kept] for part in self._waves()]
        parts = []
        for t in times.split(_CHUNK):
            left = t.floor()
            sound = torch.zeros(1)
            for k in (left, left + 1):
                table = wave_table(*waves, t - k) * window(t - k)  # (M, T)
                chosen = amplitudes[:, k.long() - frames.start]  # (B, T, M)
                sound = sound + (chosen * table.T.to(chosen)).sum(dim=-1)
            parts.append(sound)
        return torch.cat(parts, dim=-1)

    def _amplitudes(self, params: Mapping[str, Tensor], frames: range) -> Tensor:
        """Return the waves' amplitudes: `(B, K, M)`."""
        if self.config.loudest:
            return self._loudest_amplitudes(params, frames)
        amplitudes = params["readout"]
        if self.basis is not None:
            amplitudes = self.basis(amplitudes)
        if self.config.bands:
            gains, textures = (
                params[name].clamp(*_RANGE) @ self.bands_of(params[name]) for name in ("gains", "textures")
            )
            signs = random_signs(frames, self.config.hop).to(amplitudes)
            amplitudes = gains.exp() * amplitudes + textures.exp() * signs
        if self.config.pulses:
            amplitudes = amplitudes + self._pulses(params)
        return amplitudes

    def _loudest_amplitudes(self, params: Mapping[str, Tensor], frames: range) -> Tensor:
        """Return the waves' amplitudes where the readout is of the loudest alone, and all others are texture."""
        envelope, comb = self.envelope(params)
        _, chosen = loudest(envelope, self.config.loudest, self.config.ceiling)
        clear = (torch.arange(self.config.loudest, device=chosen.device) < params["clear"]).to(params["readout"])
        readout = torch.zeros_like(envelope, dtype=clear.dtype).scatter(-1, chosen, params["readout"] * clear)
        rest = torch.ones_like(readout).scatter(-1, chosen, 1 - clear)
        textures = params["textures"].clamp(*_RANGE)
        noise = (textures @ self.bands_of(textures) + comb).exp() * random_signs(frames, self.config.hop).to(readout)
        return envelope.to(readout).exp() * readout + rest * (noise + self._pulses(params))

    def _pulses(self, params: Mapping[str, Tensor]) -> Tensor:
        """Return what pulses add to the waves' amplitudes: `(B, K, M)`."""
        weights = self.bands_of(params["voices"])
        train = pulse_waves(params["pitch"][..., :2], *self._waves(), self.config.pulses[1])
        return (params["voices"].clamp(*_RANGE) @ weights).exp() * train

    def envelope(self, params: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the waves' log-amplitudes as gains and pitch tell them, and the pitch's part: `(B, K, M)` each.

        The first in float64, see `loudest`; the second in the precision of `params`.
        """
        gains, pitch = params["gains"].double().clamp(*_RANGE), params["pitch"].double()
        weights = self.bands_of(gains)
        comb = log_comb(pitch[..., [0, 2]], self._waves()[0].to(pitch), weights)
        return gains @ weights + comb, comb.to(params["gains"])

    def bands_of(self, levels: Tensor) -> Tensor:
        """Return the weights `(bands, M)` that spread levels `(…, bands)` over the waves."""
        return band_weights(self._waves()[0], levels.shape[-1]).to(levels)

    def _waves(self) -> tuple[Tensor, Tensor]:
        with torch.device("cpu"):
            return WAVES[self.config.waves](self.config.hop)

    def _kept(self, samples_per_hop: Fraction | None) -> Tensor | slice:
        """Return which waves another rate plays: those whose skirts end below the lower of both Nyquist frequencies.

        A lower rate would fold what lies above. A higher one would show the skirts that the highest waves have above
        the trained Nyquist frequency, where the sound had nothing.
        """
        if samples_per_hop in (None, self.config.hop):
            return slice(None)
        lower = min(float(samples_per_hop), self.config.hop)
        kept = self._waves()[0] <= lower / 2 - GUARD
        if not kept.any():
            raise ConfigError(
                f"a rate of {float(samples_per_hop):g} samples per hop leaves no wave; play at a higher one, or at the "
                f"trained {self.config.hop}"
            )
        return kept

    def _table(self, grid: FrameGrid, kept: Tensor | slice, like: Tensor) -> tuple[Tensor, ...]:
        """Return the waves on a frame's grid, and a quarter turn before: `(M, n)` each, made once for a rate."""
        key = (grid.samples_per_hop, like.dtype, like.device)
        if key not in self._tables:
            frequencies, phases = self._waves()
            tables = [wave_table(frequencies[kept], phases[kept] - turn, grid.grid()) for turn in (0, torch.pi / 2)]
            if len(self._tables) >= 8:
                self._tables.clear()
            self._tables[key] = tuple(table.to(like) for table in tables)
        return self._tables[key]
