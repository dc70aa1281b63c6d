"""SoundStream's encoder (Zeghidour et al. 2021, section III-A): a waveform becomes a short sequence of frames.

The hypernetwork of the paper listens through it (paper, "Hypernetwork").

    waveform (B, T)                                   for the paper's strides 2·4·5·8 and 32 768 samples:
      conv 1 -> C                                       (B,  16, 32768)
      [3 residual units, strided conv C -> 2C] s = 2    (B,  32, 16384)
      [3 residual units, strided conv C -> 2C] s = 4    (B,  64,  4096)
      [3 residual units, strided conv C -> 2C] s = 5    (B, 128,   820)
      [3 residual units, strided conv C -> 2C] s = 8    (B, 256,   103)
      conv -> embedding                                 (B,  32,   103)

Every convolution is causal: zeros are put in front only, so frame f has seen nothing after sample f · hop.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.errors import ConfigError, limit_sizes

# E[ELU(z)²] for z ~ N(0, 1). Half of it comes from z > 0, where ELU is the identity: ½ E[z²] = ½. For z < 0 it is
# E[(e^z - 1)²] = E[e^{2z}] - 2 E[e^z] + ½, all over z < 0, where E[e^{az}; z < 0] = e^{a²/2} Φ(-a).
ELU_SECOND_MOMENT = 0.5 + (
    math.exp(2) * 0.5 * math.erfc(2 / math.sqrt(2)) - 2 * math.exp(0.5) * 0.5 * math.erfc(1 / math.sqrt(2)) + 0.5
)


@dataclass(frozen=True)
class EncoderConfig:
    """Size of a `SoundStreamEncoder`; the defaults are the paper's."""

    base_channels: int = 16  # after the first convolution; doubled by every strided one
    strides: tuple[int, ...] = (2, 4, 5, 8)  # their product is the hop: samples per frame
    dilations: tuple[int, ...] = (1, 3, 9)  # a residual unit each, before every strided convolution
    kernel_size: int = 7  # of the first convolution and of the residual units
    embedding_size: int = 32  # numbers per frame
    normalize: bool = False  # layer norm over channels, one instant at a time, so that any length fits

    def __post_init__(self):
        limit_sizes(self, base_channels=4096, strides=4096, dilations=4096, kernel_size=4096, embedding_size=65536)
        sizes = (self.base_channels, *self.strides, *self.dilations, self.kernel_size, self.embedding_size)
        if min(sizes) < 1 or not self.strides:
            raise ConfigError(f"an encoder needs strides, and sizes of at least 1: {self}")
        if self.base_channels << len(self.strides) > 2**20:
            raise ConfigError(f"base_channels, doubled by every stride, end at 2^20 at most: {self}")


class SoundStreamEncoder(nn.Module):
    """Map a waveform of any length to frames: `(B, T) -> (B, F, E)` with F = ⌈⌈⌈T / s₁⌉ / s₂⌉ …⌉.

    >>> encoder = SoundStreamEncoder()
    >>> encoder(torch.zeros(2, 32768)).shape
    torch.Size([2, 103, 32])
    >>> encoder.output_shape(32768)  # without running it
    (103, 32)
    """

    def __init__(self, config: EncoderConfig = EncoderConfig()):
        super().__init__()
        self.config = config
        channels = config.base_channels
        layers: list[nn.Module] = [CausalConv1d(1, channels, config.kernel_size)]
        for stride in config.strides:
            layers += [ResidualUnit(channels, config.kernel_size, d, config.normalize) for d in config.dilations]
            layers += [nn.ELU(inplace=True), CausalConv1d(channels, 2 * channels, 2 * stride, stride=stride)]
            channels *= 2
        layers += [nn.ELU(inplace=True), CausalConv1d(channels, config.embedding_size, 3)]
        self.layers = nn.Sequential(*layers)
        for layer in self.modules():
            if isinstance(layer, CausalConv1d | nn.Linear):
                init_elu_(layer)
        units = [layer for layer in self.layers if isinstance(layer, ResidualUnit)]
        with torch.no_grad():
            # N branches of variance 1/N each: the sum x + Σ branch stays at the scale of x, however many there are.
            for unit in units:
                unit.mix.weight.mul_(len(units) ** -0.5)

    def forward(self, waveform: Tensor) -> Tensor:
        """Encode a batch `(B, T)` with T ≥ 1."""
        # (B, 1, 1, T): convolutions over pictures of height 1, channels last in memory; see CausalConv1d.
        return self.layers(waveform[:, None, None, :]).squeeze(2).mT

    def output_shape(self, num_samples: int) -> tuple[int, int]:
        """Return (frames, embedding size) for a clip of `num_samples`, from arithmetic alone."""
        frames = num_samples
        for stride in self.config.strides:
            frames = math.ceil(frames / stride)
        return frames, self.config.embedding_size


class CausalConv1d(nn.Conv1d):
    """A convolution that sees no sample after its own: `(B, C, 1, T) -> (B, C', 1, ⌈T / stride⌉)`.

    With k taps, dilation d and k' = (k - 1)·d zeros in front, output i reads inputs i·s - k' … i·s.

    Its sound is a picture of height 1, because only pictures can lie in memory with all channels of an instant side by
    side. For 16 channels that makes forward and backward three times as fast on a CPU as one channel after the other.

    >>> shift = CausalConv1d(1, 1, 2)
    >>> _ = shift.weight.data.copy_(torch.tensor([[[1.0, 0.0]]])), shift.bias.data.zero_()
    >>> shift(torch.tensor([1.0, 2.0, 3.0]).reshape(1, 1, 1, 3)).flatten().tolist()
    [0.0, 1.0, 2.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve; the padding is the layer's own."""
        (size,), (stride,), (dilation,) = self.kernel_size, self.stride, self.dilation
        x = functional.pad(x, ((size - 1) * dilation, 0)).contiguous(memory_format=torch.channels_last)
        weight = self.weight.unsqueeze(2)
        return functional.conv2d(x, weight, self.bias, stride=(1, stride), dilation=(1, dilation))


class ResidualUnit(nn.Module):
    """x + conv₁(ELU(conv_k(ELU(x)))), the first one dilated: `(B, C, 1, T) -> (B, C, 1, T)`."""

    def __init__(self, channels: int, kernel_size: int, dilation: int, normalize: bool):
        super().__init__()
        self.norm = ChannelNorm(channels) if normalize else nn.Identity()
        self.dilated = CausalConv1d(channels, channels, kernel_size, dilation=dilation)
        self.mix = nn.Linear(channels, channels)  # a convolution with one tap

    def forward(self, x: Tensor) -> Tensor:
        """Add what the two convolutions make of x."""
        h = self.dilated(functional.elu(self.norm(x)))
        # In place where nobody needs the values before: these passes wait for memory, not for arithmetic.
        h = functional.elu(h, inplace=True).movedim(1, -1)
        return x + self.mix(h).movedim(-1, 1)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each instant alone: causal, and blind to the clip's length."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `(B, C, 1, T)`."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def init_elu_(layer: nn.Linear | nn.Conv1d) -> None:
    """Start a layer so that, fed with the ELU of unit-variance sums, its own sums have unit variance (He et al. 2015).

    Σ_j w_j ELU(z_j) over n inputs has variance n · Var(w) · E[ELU²], which is 1 for Var(w) = 1 / (n E[ELU²]). Inputs
    that are smaller grow by 1 / E[ELU²]^½ = 1.25 a layer until they are not. PyTorch's own init would shrink
    them in every layer, until all that a deep stack says of its input drowns in its biases.
    """
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=1 / math.sqrt(fan_in * ELU_SECOND_MOMENT))
    nn.init.zeros_(layer.get_parameter("bias"))
