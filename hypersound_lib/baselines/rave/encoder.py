"""RAVE's encoder: bands of sound become the mean and scale of a latent variable (Caillon and Esling 2021).

bands (B, M, T)                                     for the paper's 16 bands, ratios 4·4·4·2 and latent 128:
  [strided conv, batch norm, leaky ReLU] r = 4        (B,  64, T / 4)
  [strided conv C -> 2C, …]              r = 4        (B, 128, T / 16)
  [strided conv C -> 2C, …]              r = 4        (B, 256, T / 64)
  [strided conv C -> 2C, …]              r = 2        (B, 512, T / 128)
  conv -> mean and scale                              (B, 128, T / 128) twice
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.baselines.rave.config import RAVEConfig
from hypersound_lib.baselines.rave.layers import SLOPE, convolution

_KERNEL_SIZE = 7
_FIRST_SCALE = -2.0  # softplus makes 0.13 of it; the mean's own deviation is about 1
_SMALLEST_SCALE = 1e-4  # keeps the logarithm in the KL divergence finite


class Encoder(nn.Module):
    """Map bands to a Gaussian per latent number: `(B, M, T) -> mean, scale (B, Z, T / band_hop)`."""

    def __init__(self, config: RAVEConfig):
        super().__init__()
        channels = config.bands
        layers: list[nn.Module] = []
        for i, ratio in enumerate(config.ratios):
            width = config.capacity * 2**i
            layers += [convolution(channels, width, _KERNEL_SIZE, stride=ratio), nn.BatchNorm1d(width)]
            layers += [nn.LeakyReLU(SLOPE, inplace=True)]
            channels = width
        last = convolution(channels, 2 * config.latent_size, 5)
        self.layers = nn.Sequential(*layers, last)
        with torch.no_grad():  # at first there is a signal in the noise
            last.get_parameter("bias")[config.latent_size :] = _FIRST_SCALE

    def forward(self, bands: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and scale; the scale is positive."""
        mean, scale = self.layers(bands).chunk(2, dim=1)
        return mean, functional.softplus(scale) + _SMALLEST_SCALE


def reparameterise(mean: Tensor, scale: Tensor) -> Tensor:
    """Draw a latent from its distribution so that gradients reach both parameters: mean + scale · N(0, 1)."""
    return mean + scale * torch.randn_like(mean)
