"""RAVE's second stage: a discriminator at three time scales, hinge losses, feature matching.

Caillon and Esling 2021; the discriminator is MelGAN's (Kumar et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from hypersound_lib.baselines.rave.layers import SLOPE
from hypersound_lib.errors import ConfigError


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Size of a `Discriminator`; the defaults are MelGAN's."""

    scales: int = 3  # each takes the sound at half the rate of the one before
    capacity: int = 16  # channels of the first layer
    strides: tuple[int, ...] = (4, 4, 4, 4)  # each multiplies the channels by as much
    max_channels: int = 1024  # but not beyond this
    group_size: int = 4  # input channels that each output channel of a strided convolution sees
    taps_per_stride: int = 10  # a strided convolution has so many taps for each sample of its stride, and one

    def __post_init__(self):
        if min(self.scales, self.capacity, self.max_channels, self.group_size, self.taps_per_stride, *self.strides) < 1:
            raise ConfigError(f"sizes of a discriminator are at least 1: {self}")
        if self.capacity % self.group_size or self.max_channels % self.group_size:
            raise ConfigError(f"group_size must divide capacity and max_channels: {self}")
        for channels, width in pairwise(self.widths):
            if width % (channels // self.group_size):
                raise ConfigError(
                    f"{channels} channels in groups of {self.group_size} cannot become {width}, no multiple of the "
                    f"number of groups: choose strides and max_channels that are powers of two: {self}"
                )

    @property
    def widths(self) -> list[int]:
        """Channels of the first layer, and behind each strided one."""
        return list(accumulate(self.strides, lambda n, k: min(n * k, self.max_channels), initial=self.capacity))


class Discriminator(nn.Module):
    """Judge sounds: `(B, T) -> [[feature (B, C, T'), …, score (B, 1, T'')], …]`, a list for each scale."""

    def __init__(self, config: DiscriminatorConfig = DiscriminatorConfig()):
        super().__init__()
        self.config = config
        self.scales = nn.ModuleList(_judge(config) for _ in range(config.scales))

    def forward(self, waveform: Tensor) -> list[list[Tensor]]:
        """Return what each layer of each scale makes of the sounds; the last of a scale is its score."""
        x = waveform.unsqueeze(1)  # (B, 1, T)
        results = []
        for i, layers in enumerate(cast("Sequence[nn.ModuleList]", self.scales)):
            h = x if i == 0 else functional.avg_pool1d(x, 2**i)
            features = []
            for layer in layers:
                h = layer(h)
                features.append(h)
                h = functional.leaky_relu(h, SLOPE)
            results.append(features)
        return results


def _judge(config: DiscriminatorConfig) -> nn.ModuleList:
    layers = [nn.Conv1d(1, config.capacity, 15, padding=7)]
    for stride, (channels, width) in zip(config.strides, pairwise(config.widths), strict=True):
        taps = 2 * (config.taps_per_stride * stride // 2) + 1
        layers += [nn.Conv1d(channels, width, taps, stride, taps // 2, groups=channels // config.group_size)]
    last = config.widths[-1]
    layers += [nn.Conv1d(last, last, 5, padding=2), nn.Conv1d(last, 1, 3, padding=1)]
    return nn.ModuleList(weight_norm(layer) for layer in layers)


def discriminator_loss(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Return the hinge loss of a judge: real sounds are to score above 1, fake ones below -1."""
    losses = [
        functional.relu(1 - r[-1]).mean() + functional.relu(1 + f[-1]).mean() for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).mean()


def adversarial_loss(fake: list[list[Tensor]]) -> Tensor:
    """Return the decoder's side of the hinge loss: minus the scores of what it made."""
    return -torch.stack([features[-1].mean() for features in fake]).mean()


def feature_matching(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Return the mean distance of all features but the scores between a sound and its copy."""
    distances = [
        functional.l1_loss(b, a)
        for features_a, features_b in zip(real, fake, strict=True)
        for a, b in zip(features_a[:-1], features_b[:-1], strict=True)
    ]
    return torch.stack(distances).mean()
