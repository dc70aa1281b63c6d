"""What encoder and decoder are built of: convolutions that keep the signal's scale, and a residual unit (MelGAN)."""

import math

import torch
from torch import Tensor, nn

SLOPE = 0.2  # of the leaky ReLU below zero


def convolution(inputs: int, outputs: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> nn.Conv1d:
    """Return a convolution `(B, C, T) -> (B, C', ⌈T / stride⌉)` for an odd kernel, which keeps the variance."""
    padding = dilation * (kernel_size // 2)
    layer = nn.Conv1d(inputs, outputs, kernel_size, stride, padding, dilation)
    return _init(layer, inputs * kernel_size)


def upsampling(inputs: int, outputs: int, ratio: int) -> nn.ConvTranspose1d:
    """Return a transposed convolution `(B, C, T) -> (B, C', T · ratio)`, which keeps the variance."""
    layer = nn.ConvTranspose1d(inputs, outputs, 2 * ratio, ratio, (ratio + 1) // 2, ratio % 2)
    return _init(layer, 2 * inputs)  # two of the kernel's 2·ratio taps meet in each output


class ResidualUnit(nn.Module):
    """x + conv₁(LeakyReLU(conv₃(LeakyReLU(x)))), the second one dilated: `(B, C, T) -> (B, C, T)`.

    Args:
        channels: C.
        dilation: of the convolution with three taps.
        units: how many such units follow each other; their sum keeps the scale of x.
    """

    def __init__(self, channels: int, dilation: int, units: int):
        super().__init__()
        dilated, last = convolution(channels, channels, 3, dilation=dilation), convolution(channels, channels, 1)
        self.layers = nn.Sequential(nn.LeakyReLU(SLOPE), dilated, nn.LeakyReLU(SLOPE, inplace=True), last)
        with torch.no_grad():
            last.weight.mul_(units**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Add what the convolutions make of x."""
        return x + self.layers(x)


def _init(layer: nn.Conv1d | nn.ConvTranspose1d, fan_in: int):
    # A leaky ReLU keeps (1 + slope²) / 2 of the variance.
    nn.init.normal_(layer.weight, std=math.sqrt(2 / (1 + SLOPE**2) / fan_in))
    nn.init.zeros_(layer.get_parameter("bias"))
    return layer
