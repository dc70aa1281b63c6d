"""A local hypernetwork: from a sound of any length to a small θ for each of its frames.

    waveform ─ spectrum ─► (B, K, F) ─► (B, K, W) ─ residual blocks ─► bottleneck (B, K, L) ─ blocks ─► head ─► θ_k
               of frames                                               L numbers a frame

The head is one for all frames, so nothing grows with the clip. θ_k depends on the sound near t_k alone: see `reach`.

The blocks are quiet at the start, and what is left without them is one linear map. It starts as a transform codec: the
lowest waves pass through the bottleneck one by one, with the bands' levels in groups, and the head writes the θ that
plays them (see `LocalINR.copy`). So the first step already hears words, and training bends a codec that works, where
random weights would first have to find the phase.

Where the target plays pulses, two numbers of the bottleneck are told, not learnt: the pulses' rate and phase, as
`LappedSpectrum` hears them. They become θ's `pitch` as they are, and the blocks after the bottleneck see them, too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from hypersound_lib.errors import ConfigError
from hypersound_lib.frame_network import FrameNetwork, residual_blocks
from hypersound_lib.hypernetwork import split_params
from hypersound_lib.inr.local_spectrum import PITCH, LappedSpectrum

TOLD = 2  # numbers of the bottleneck that pulses take: their rate and phase
_NOISE = 0.1  # standard deviation of what random weights add to each wired layer's sums


@dataclass(frozen=True)
class LocalHyperNetworkConfig:
    """Size of a `LocalHyperNetwork`."""

    width: int = 256  # channels
    dilations: tuple[int, ...] = (1, 2, 4)  # of the residual blocks before the bottleneck, and again of those after it
    bottleneck: int = 32  # L: numbers that a frame is squeezed through
    block: int = (
        1  # neighbouring frames that share what they send; above 1 only where the readout is of the loudest waves
    )
    wired: bool = True  # start as a transform codec, where the target can be played from waves; else at random

    def __post_init__(self):
        if min(self.width, self.bottleneck, self.block) < 1 or not self.dilations or min(self.dilations) < 1:
            raise ConfigError(f"width, bottleneck, block and dilations must be positive: {self}")


class LocalHyperNetwork(FrameNetwork):
    """Generate θ for each frame: `(B, T) -> {name: (B, K, *shape)}`, K = frames_in(T).

    Args:
        spectrum: how frames are heard.
        shapes: of the generated tensors of one frame, by name.
        start: θ₀, which the head adds to.
        scales: standard deviation of what it adds at the start, by name, where there is no `copy`.
        copy: C such that θ₀ + C features plays a frame as it was heard, `(P, F)`; None starts from random weights.
        config: sizes.
    """

    def __init__(
        self,
        spectrum: LappedSpectrum,
        shapes: Mapping[str, torch.Size],
        start: Mapping[str, Tensor],
        scales: Mapping[str, float | Tensor],
        copy: Tensor | None = None,
        config: LocalHyperNetworkConfig = LocalHyperNetworkConfig(),
    ):
        super().__init__(spectrum, config.dilations)
        if config.block > 1:
            raise ConfigError(
                f"only values of the loudest waves are shared: with this target block is 1, not {config.block}"
            )
        self.shapes, self.config = dict(shapes), config
        width = config.width
        self.first = nn.Linear(spectrum.num_features, width)
        self.before = residual_blocks(width, config.dilations)
        if spectrum.pulses and config.bottleneck <= TOLD:
            raise ConfigError(f"pulses take {TOLD} numbers of the bottleneck: make it larger than {config.bottleneck}")
        learnt = config.bottleneck - (TOLD if spectrum.pulses else 0)
        self.squeeze = nn.Linear(width, learnt)
        self.widen = nn.Linear(learnt + (3 if spectrum.pulses else 0), width)  # 3: log ν, cos 2πφ, sin 2πφ
        self.after = residual_blocks(width, config.dilations)
        self.generated = {name: shape for name, shape in shapes.items() if name != "pitch"}
        self.head = nn.Linear(width, sum(shape.numel() for shape in self.generated.values()))
        with torch.no_grad():
            self.head.bias.copy_(torch.cat([start[name].flatten() for name in self.generated]))
            if copy is None or not config.wired:
                self._init(scales)
            else:
                self._wire(copy)

    def _init(self, scales: Mapping[str, float | Tensor]) -> None:
        """Start from random weights, with sums of unit variance, and θ as far from θ₀ as `scales` has it."""
        for layer in (self.first, self.squeeze, self.widen):
            nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features))
            nn.init.zeros_(layer.bias)
        rows = self.head.weight.split([shape.numel() for shape in self.generated.values()])
        for name, part in zip(self.generated, rows, strict=True):
            part.normal_().mul_(scales[name] / math.sqrt(self.config.width))

    def _wire(self, copy: Tensor) -> None:
        """Start as a transform codec; see the module's docstring."""
        channels = _channels(self.spectrum, self.config.width)  # which feature each channel carries
        groups = _groups(self.spectrum, channels, self.squeeze.out_features)  # which channels each number averages
        for layer in (self.first, self.squeeze, self.widen):
            nn.init.normal_(layer.weight, std=_NOISE / math.sqrt(layer.in_features))
            nn.init.zeros_(layer.bias)
        sigma = copy.square().sum(dim=-1, keepdim=True).sqrt() / math.sqrt(self.config.width)
        self.head.weight.normal_().mul_(_NOISE * sigma)
        for channel, feature in enumerate(channels):
            self.first.weight[channel, feature] = 1.0
            self.head.weight[:, channel] += copy[:, feature]
        for number, group in enumerate(groups):
            for channel in group:
                self.squeeze.weight[number, channel] = 1 / len(group)
                self.widen.weight[channel, number] = 1.0

    def forward(self, waveform: Tensor) -> dict[str, Tensor]:
        """Generate one θ per frame.

        Raises:
            ConfigError: the waveform is not `(B, T)` with T ≥ 1.
        """
        features = self.hear(waveform)
        code = self.squeeze(self.before(self.first(features)))  # (B, K, L), less what is told
        if not self.spectrum.pulses:
            return split_params(self.head(self.after(self.widen(code))), self.shapes)
        rate, cosine, sine, _, phase = features[..., -PITCH:].split(1, dim=-1)
        flat = self.head(self.after(self.widen(torch.cat([code, rate, cosine, sine], dim=-1))))
        return split_params(torch.cat([flat, rate, phase], dim=-1), self.shapes)

    def parts(self) -> dict[str, list[nn.Module]]:
        """Return what learns, in the order in which it is passed."""
        encoder = [self.first, self.before, self.squeeze]
        return {"encoder": encoder, "hidden": [self.widen, self.after], "head": [self.head]}


def _channels(spectrum: LappedSpectrum, width: int) -> list[int]:
    """Return the features that pass into the channels: all levels, then two cosines for each sine, lowest first."""
    hop, levels = spectrum.hop, min(spectrum.bands, width // 2)
    cosines = min(hop, -(-(width - levels) * 2 // 3))
    sines = min(hop, width - levels - cosines)
    return [*range(cosines), *range(hop, hop + sines), *range(2 * hop, 2 * hop + levels)]


def _groups(spectrum: LappedSpectrum, channels: list[int], size: int) -> list[list[int]]:
    """Return the channels that share a number of the bottleneck: cosines alone, neighbouring levels together."""
    levels = [i for i, feature in enumerate(channels) if feature >= 2 * spectrum.hop]  # and no pitch
    count = min(len(levels) // 2, size - 1)  # of groups
    edges = [round(i * len(levels) / count) for i in range(count + 1)] if count else []
    pooled = [levels[a:b] for a, b in pairwise(edges)]
    cosines = [[i] for i, feature in enumerate(channels) if feature < spectrum.hop]
    return [*cosines[: size - count], *pooled]
