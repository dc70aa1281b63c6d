"""A local hypernetwork that sends what a transform codec would, for targets whose readout is of the loudest waves.

    waveform ─ spectrum ─► side (B, K, S), values ─► wide (B, K, W) ─ residual blocks ─► head ─► θ_k
                           └ all that passes ┘

Side information is one level for each band, and the pitch: log ν, phase, and how sure it is. It says which waves are
the loudest, and their amplitudes are the values. Which ones they are is not sent: what follows computes it from the
side information, as the target does from θ. A block of frames shares its values, so loud frames send more and pauses
few.

What is sent is told, not learnt. Two layers that corrected levels and amplitudes before they are sent were tried: the
first spoilt the choice of waves, which has no gradient, and the second brought nothing. What remains to be learnt is
all that was not sent: how loud textures and pulses are, in finer bands, where no wave has a number of its own. At the
start they are as loud as the bands, so this speaks before its first step.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.errors import ConfigError
from hypersound_lib.frame_network import FrameNetwork, residual_blocks
from hypersound_lib.inr.local import LocalINR
from hypersound_lib.inr.local_spectrum import LEVEL, PITCH, SPREAD, LappedSpectrum
from hypersound_lib.inr.loudest import loudest, share_among_frames
from hypersound_lib.local_hypernetwork import LocalHyperNetworkConfig

TOLD = 3  # numbers of pitch: log ν, phase, and how sure it is
_TEXTURE, _VOICE = math.log(0.5), math.log(0.7)  # at the start: a phase that is wrong does harm at full level


class Places(NamedTuple):
    """Where values belong."""

    envelope: Tensor  # (B, K, M), log-amplitudes that values are parts of
    chosen: Tensor  # (B, K, R), the loudest waves, the loudest first
    sent: Tensor  # (B, K, R), 1 for those whose values are sent, else 0


class AddressedHyperNetwork(FrameNetwork):
    """Generate θ for each frame: `(B, T) -> {name: (B, K, *shape)}`, K = frames_in(T).

    Args:
        spectrum: how frames are heard.
        target: whose θ it is; its readout is of the `loudest` waves.
        config: sizes; the bottleneck holds levels, pitch and, with what is left, values.

    Raises:
        ConfigError: the target has another readout, or the bottleneck no room for values, or too much.
    """

    def __init__(self, spectrum: LappedSpectrum, target: LocalINR, config: LocalHyperNetworkConfig):
        super().__init__(spectrum, config.dilations)
        self.shapes, self.config, self.target = dict(target.shapes), config, target  # which has no weights
        sizes, width = target.config, config.width
        if not sizes.loudest or spectrum.bands != sizes.bands:
            raise ConfigError(f"this hypernetwork writes readouts of the loudest waves, not those of {sizes}")
        self.values = config.bottleneck - sizes.bands - TOLD  # for each frame, on average
        if not 1 <= self.values <= sizes.loudest:
            raise ConfigError(
                f"a bottleneck of {config.bottleneck} leaves {self.values} values a frame beside {sizes.bands} levels "
                f"and {TOLD} numbers of pitch: it must leave 1 to {sizes.loudest}"
            )
        self.widen = nn.Linear(sizes.bands + TOLD + 1 + spectrum.hop, width)  # the phase enters as cosine and sine
        self.after = residual_blocks(width, config.dilations)
        self.head = nn.Linear(width, 2 * target.shapes["textures"].numel())
        nn.init.normal_(self.widen.weight, std=self.widen.in_features**-0.5)
        for zero in (self.widen.bias, self.head.weight, self.head.bias):
            nn.init.zeros_(zero)

    def forward(self, waveform: Tensor) -> dict[str, Tensor]:
        """Generate one θ per frame.

        Raises:
            ConfigError: the waveform is not `(B, T)` with T ≥ 1.
        """
        side, values, places = self._send(waveform)
        return self._generate(side, values, places)

    def code(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Return what passes the bottleneck: side information `(B, K, S)` and values `(B, K, R)`.

        A frame's values are those of its loudest waves, in that order, and 0 from where it sends no more: a block of
        frames sends `values` of them per frame.

        Raises:
            ConfigError: the waveform is not `(B, T)` with T ≥ 1.
        """
        return self._send(waveform)[:2]

    def generate(self, side: Tensor, values: Tensor) -> dict[str, Tensor]:
        """Write θ from what was sent: `(B, K, S), (B, K, R) -> {name: (B, K, *shape)}`."""
        return self._generate(side, values, self._places(side))

    def parts(self) -> dict[str, list[nn.Module]]:
        """Return what learns; nothing does before the bottleneck."""
        return {"encoder": [], "hidden": [self.widen, self.after], "head": [self.head]}

    @property
    def reach(self) -> int:
        """How many frames before and after its own θ_k depends on; those of its block share its values."""
        return sum(self.config.dilations) + self.config.block - 1

    def _send(self, waveform: Tensor) -> tuple[Tensor, Tensor, Places]:
        """Do what `code` does, and keep the places."""
        features = self.hear(waveform)
        hop, bands = self.spectrum.hop, self.spectrum.bands
        cosines, _, levels, pitch = features.split([hop, hop, bands, PITCH], dim=-1)
        side = torch.cat([levels, pitch[..., [0, 4, 3]]], dim=-1)
        places = self._places(side)
        # The cosines are parts of their bands' levels, the values of an envelope that pitch shapes within the bands.
        own = (SPREAD * levels + LEVEL) @ self.target.bands_of(levels)
        values = cosines * torch.exp(own - places.envelope)
        return side, values.gather(-1, places.chosen) * places.sent, places

    def _generate(self, side: Tensor, values: Tensor, places: Places) -> dict[str, Tensor]:
        values = values * places.sent
        levels, rate, phase, sure = side.split([self.spectrum.bands, 1, 1, 1], dim=-1)
        turn = 2 * math.pi * phase
        placed = torch.zeros_like(places.envelope).scatter(-1, places.chosen, values)
        sent_and_told = torch.cat([levels, rate, turn.cos(), turn.sin(), sure, placed], dim=-1)
        textures, voices = self.head(self.after(self.widen(sent_and_told))).chunk(2, dim=-1)
        bands = SPREAD * _interpolate(levels, textures.shape[-1]) + LEVEL
        return {
            "readout": values,
            "gains": SPREAD * levels + LEVEL,
            "textures": bands + _TEXTURE + 0.5 * torch.log(1.001 - sure) + textures,
            "voices": bands + _VOICE + 0.5 * torch.log(0.001 + sure) + voices,
            "pitch": torch.cat([rate, phase, sure], dim=-1),
            "clear": places.sent.sum(dim=-1, keepdim=True),
        }

    def _places(self, side: Tensor) -> Places:
        """Compute from the side information alone where values belong."""
        bands = self.spectrum.bands
        envelope, _ = self.target.envelope({"gains": SPREAD * side[..., :bands] + LEVEL, "pitch": side[..., bands:]})
        wanted, chosen = loudest(envelope, self.target.config.loudest, self.target.config.ceiling)
        count = share_among_frames(wanted, self.config.block, self.values)
        sent = torch.arange(wanted.shape[-1], device=count.device) < count.unsqueeze(-1)
        return Places(envelope.to(side), chosen, sent.to(side))


def _interpolate(levels: Tensor, count: int) -> Tensor:
    """Read levels of some bands at the places of `count` finer ones: `(..., bands) -> (..., count)`."""
    inside = functional.interpolate(levels.flatten(0, -2).unsqueeze(1), count, mode="linear", align_corners=True)
    return inside.reshape(*levels.shape[:-1], count)
