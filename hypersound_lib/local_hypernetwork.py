"""A convolutional hypernetwork: from a sound of any length to a small θ for each of its frames.

    waveform (B, T) ─ strided convolution ─► (B, W, K) ─ residual blocks ─► bottleneck (B, L, K) ─ blocks ─► head ─► θ_k
                      2·hop long, hop apart                                  L numbers a frame

Frame k's convolution hears what its window will play: the samples within one hop of t_k = k · hop. The head is one for
all frames, so nothing grows with the clip, and θ_k depends on the sound near t_k alone: see `reach`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.elu import ELU_SECOND_MOMENT, init_elu_
from hypersound_lib.errors import ConfigError
from hypersound_lib.hypernetwork import split_params

_BRANCH = 0.1  # what all residual branches together add at the start, as part of what they find


@dataclass(frozen=True)
class LocalHyperNetworkConfig:
    """Size of a `LocalHyperNetwork`."""

    width: int = 256  # channels
    dilations: tuple[int, ...] = (1, 2, 4)  # of the residual blocks before the bottleneck, and again of those after it
    bottleneck: int = 32  # L: numbers that a frame is squeezed through

    def __post_init__(self):
        if min(self.width, self.bottleneck) < 1 or not self.dilations or min(self.dilations) < 1:
            raise ConfigError(f"width, bottleneck and dilations must be positive: {self}")


class LocalHyperNetwork(nn.Module):
    """Generate θ for each frame: `(B, T) -> {name: (B, K, *shape)}`, K = frames_in(T).

    Args:
        hop: between frames, in samples.
        shapes: of the generated tensors of one frame, by name.
        start: θ₀, which the head adds to.
        scales: standard deviation of what it adds at the start, by name.
        config: sizes.
    """

    def __init__(
        self,
        hop: int,
        shapes: Mapping[str, torch.Size],
        start: Mapping[str, Tensor],
        scales: Mapping[str, float],
        config: LocalHyperNetworkConfig = LocalHyperNetworkConfig(),
    ):
        super().__init__()
        self.hop, self.shapes, self.config = hop, dict(shapes), config
        width, blocks = config.width, len(config.dilations)
        self.first = nn.Conv1d(1, width, 2 * hop, stride=hop, bias=False)
        self.before = nn.Sequential(*(ResidualBlock(width, d, blocks) for d in config.dilations))
        self.squeeze = nn.Conv1d(width, config.bottleneck, 1)
        self.widen = nn.Conv1d(config.bottleneck, width, 3, padding=1)
        self.after = nn.Sequential(*(ResidualBlock(width, d, blocks) for d in config.dilations))
        self.head = nn.Conv1d(width, sum(shape.numel() for shape in shapes.values()), 1)
        self._init(start, scales)

    @torch.no_grad()
    def _init(self, start: Mapping[str, Tensor], scales: Mapping[str, float]) -> None:
        init_elu_(self.squeeze)
        init_elu_(self.widen)
        # Sounds of RMS 0.1, as speech at full scale has, become sums of unit variance.
        nn.init.normal_(self.first.weight, std=10 / math.sqrt(2 * self.hop))
        unit = 1 / math.sqrt(self.config.width * ELU_SECOND_MOMENT)
        self.head.bias.copy_(torch.cat([start[name].flatten() for name in self.shapes]))
        rows = self.head.weight.split([shape.numel() for shape in self.shapes.values()])
        for name, part in zip(self.shapes, rows, strict=True):
            part.normal_(std=unit * scales[name])

    def forward(self, waveform: Tensor) -> dict[str, Tensor]:
        """Generate one θ per frame.

        Raises:
            ConfigError: the waveform is not `(B, T)` with T ≥ 1.
        """
        if waveform.ndim != 2 or waveform.shape[-1] == 0:
            raise ConfigError(f"a local hypernetwork hears waveforms (B, T), not {tuple(waveform.shape)}")
        frames = self.frames_in(waveform.shape[-1])
        after = frames * self.hop - waveform.shape[-1]
        h = self.first(functional.pad(waveform, (self.hop, after)).unsqueeze(1))  # (B, W, K)
        code = self.squeeze(functional.elu(self.before(h)))  # (B, L, K)
        h = self.after(self.widen(code))
        return split_params(self.head(functional.elu(h)).mT, self.shapes)

    def frames_in(self, num_samples: int) -> int:
        """Return K, with which every sample lies between two centres.

        >>> shapes = {"a": torch.Size([2])}
        >>> network = LocalHyperNetwork(8, shapes, {"a": torch.zeros(2)}, {"a": 1.0})
        >>> network.frames_in(16), network.frames_in(17)
        (3, 4)
        """
        return (num_samples - 1) // self.hop + 2

    @property
    def reach(self) -> int:
        """How many frames before and after its own θ_k depends on: the look-ahead, in hops, less the window's one."""
        return 2 * sum(self.config.dilations) + 1


class ResidualBlock(nn.Module):
    """x + conv₁(ELU(conv₃(ELU(x)))), the first one dilated and looking both ways: `(B, W, K) -> (B, W, K)`."""

    def __init__(self, width: int, dilation: int, count: int):
        super().__init__()
        self.dilated = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)
        init_elu_(self.dilated)
        init_elu_(self.mix)
        with torch.no_grad():
            # Quiet branches: as loud as what they add to, they let the first hundred steps at 2e-3 undo each other.
            self.mix.weight.mul_(_BRANCH * count**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the two convolutions make of x."""
        return x + self.mix(functional.elu(self.dilated(functional.elu(x))))
