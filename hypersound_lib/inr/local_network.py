"""A local target whose T is a whole network: every frame has a FourierMLP, a SIREN or a ModulatedSIREN of its own.

    x̂(t) = Σ_k w(t - t_k) T(½ + (t - t_k) / 2 hop; θ_k)

The networks are those of `hypersound_lib.inr`, as they are: a frame under its window is their unit of time, [0, 1). It
is 2 hop samples long, so the trained Nyquist frequency lies at `hop` cycles, and the Fourier features end there. What
the layers after them make of it is bounded by nothing: ReLUs add overtones, and a SIREN's frequencies are themselves
generated. So there is no part to leave out at a lower rate: play at the trained one and resample.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import torch
from torch import Tensor

from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.build import INRConfig, build_inr
from hypersound_lib.inr.fourier_mlp import FourierMLP, FourierMLPConfig
from hypersound_lib.inr.local_spectrum import LappedSpectrum
from hypersound_lib.inr.local_target import LocalTarget
from hypersound_lib.inr.overlap import FrameGrid, window

_CHUNK = 2**16  # instants of all frames together at once
# What the input adds to each tensor at the start, as part of its own scale; see HyperNetworkConfig.residual_scale.
# Sines that hardly differ from frame to frame, under a readout that does, are nearly a sum of waves: a toy model of
# SIRENs with two layers came 10 dB nearer to the sound in 250 steps than one with 0.001 for all layers.
_VARIED, _UNDER_A_SINE, _READOUT = 0.3, 0.01, 1.0
_LEAST = 0.01  # the least scale that a tensor can have: one number may happen to start near 0


@dataclass(frozen=True)
class LocalNetworkConfig:
    """Size of a `LocalNetwork`.

    A SIREN's `omega_0` is to be chosen for a frame: the first layer starts with up to omega_0 / 2π cycles in it, of
    which the trained rate holds `hop`. π · hop, half the band, is a fair choice; the SIREN's own default is for a
    clip of seconds.
    """

    hop: int  # between windows, in samples of the trained rate; a window is twice as long
    network: INRConfig  # of each frame
    bands: int = 16  # of the levels that the hypernetwork hears; 0 leaves them in the spectrum

    def __post_init__(self):
        if self.hop < 2 or self.bands < 0 or self.bands == 1:
            raise ConfigError(f"hop is at least 2, bands 0 or at least 2: {self}")
        if not isinstance(self.network, FourierMLPConfig):
            return
        # even_frequencies(K) ends at K / 2 cycles, octave_frequencies(L) at 2^(L - 2); the rate holds `hop` cycles.
        frequencies, octaves = 2 * self.hop, 2 + math.floor(math.log2(self.hop))
        if self.network.num_frequencies > frequencies or self.network.num_octaves > octaves:
            raise ConfigError(
                f"features above the Nyquist frequency of a frame: with a hop of {self.hop} use at most {frequencies} "
                f"frequencies or {octaves} octaves, not {self.network}"
            )


class LocalNetwork(LocalTarget):
    """The family of local targets whose T is a network; see the module's docstring.

    >>> from hypersound_lib.inr.siren import SIRENConfig
    >>> target = LocalNetwork(LocalNetworkConfig(hop=8, network=SIRENConfig(1, 4, omega_0=25.0)))
    >>> target.num_params
    13
    >>> target({name: torch.zeros(2, 5, *shape) for name, shape in target.shapes.items()}).shape  # 2 sounds, 5 frames
    torch.Size([2, 32])
    """

    plays_lower_rates: ClassVar[bool] = False

    def __init__(self, config: LocalNetworkConfig):
        network = build_inr(config.network)
        super().__init__(config.hop, {name: p.shape for name, p in network.named_parameters()})
        self.config = config
        self.network = network
        self.network.release(self.shapes)

    def start(self) -> dict[str, Tensor]:
        """Return θ₀, from which a hypernetwork starts: the network's own initialisation, drawn anew."""
        return {name: p.detach() for name, p in build_inr(self.config.network).named_parameters()}

    def scales(self) -> dict[str, Tensor]:
        """Return how far each generated tensor should vary at the start: by a part of its own scale.

        A layer under a sine varies little, since a small error there is another phase.
        """
        start = self.start()
        return {
            name: self._part(name) * value.square().mean().sqrt().clamp(min=_LEAST) for name, value in start.items()
        }

    def copy(self, spectrum: LappedSpectrum) -> None:
        """Return None: no linear map of what is heard is a network that plays it."""
        return None

    def _part(self, name: str) -> float:
        if isinstance(self.network, FourierMLP) or not name.startswith("layers."):
            return _VARIED
        return _READOUT if name.startswith(f"layers.{len(self.network.layers) - 1}.") else _UNDER_A_SINE

    def _play(self, params: Mapping[str, Tensor], grid: FrameGrid) -> Tensor:
        """Play all frames as one batch of B · K networks, in chunks."""
        like = next(iter(params.values()))
        batch, frames = like.shape[:2]
        u = grid.grid() if grid.is_whole else grid.grid() + grid.shifts()[:, None]  # (n,) or (K, n)
        coords = _coords(u, like)
        if not grid.is_whole:
            coords = coords.expand(batch, *coords.shape).flatten(0, 1)  # (B K, n, 1)
        flat = {name: value.flatten(0, 1) for name, value in params.items()}  # (B K, *shape)
        count = max(1, _CHUNK // grid.length)
        parts = []
        for first in range(0, batch * frames, count):
            chunk = slice(first, first + count)
            own = coords if grid.is_whole else coords[chunk]
            parts.append(self.network(own, {name: value[chunk] for name, value in flat.items()}))
        return grid.add(torch.cat(parts).unflatten(0, (batch, frames)))

    def _play_at(
        self, times: Tensor, params: Mapping[str, Tensor], frames: range, samples_per_hop: Fraction | None
    ) -> Tensor:
        """Ask every frame's network for the instants under its window."""
        like = next(iter(params.values()))
        parts = []
        for t in times.split(_CHUNK):
            sound = torch.zeros(like.shape[0], len(t), dtype=like.dtype, device=like.device)
            for k in range(math.floor(t.min()), math.floor(t.max()) + 2):
                under = (t - k).abs() < 1
                if under.any():
                    u = t[under] - k
                    own = {name: value[:, k - frames.start] for name, value in params.items()}
                    played = self.network(_coords(u, like), own) * window(u).to(like)
                    sound = sound.index_add(1, under.nonzero().squeeze(-1).to(like.device), played.to(like))
            parts.append(sound)
        return torch.cat(parts, dim=-1)


def _coords(u: Tensor, like: Tensor) -> Tensor:
    """Turn a frame's time in [-1, 1), float64, to its network's in [0, 1): `(..., n) -> (..., n, 1)`.

    In single precision or better: half a digit would leave nothing of a phase.
    """
    precise = torch.promote_types(like.dtype, torch.float32)
    return ((u + 1) / 2).to(precise).to(like.device).unsqueeze(-1)
