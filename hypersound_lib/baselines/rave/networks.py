"""RAVE's networks: encoder, decoder (Caillon and Esling 2021) and discriminator (MelGAN's, Kumar et al. 2019).

bands (B, M, T)                                     for the paper's 16 bands, ratios 4·4·4·2 and latent 128:
  [strided conv, batch norm, leaky ReLU] r = 4        (B,  64, T / 4)
  [strided conv C -> 2C, …]              r = 4        (B, 128, T / 16)
  [strided conv C -> 2C, …]              r = 4        (B, 256, T / 64)
  [strided conv C -> 2C, …]              r = 2        (B, 512, T / 128)
  conv -> mean and scale                              (B, 128, T / 128) twice

latent ── upsampling and residual units ──┬── waveform  (B, M, T)   tanh ─────┐
  (B, Z, F)                  (B, C, T)    ├── loudness  (B, 1, T)   sigmoid ──×──┐
                                          └── noise     (B, M, T)   filtered ────+── bands (B, M, T)
"""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from hypersound_lib.baselines.rave.config import DiscriminatorConfig, RAVEConfig

SLOPE = 0.2  # of the leaky ReLU below zero
_FIRST_SCALE = -2.0  # softplus makes 0.13 of it; the mean's own deviation is about 1
_SMALLEST_SCALE = 1e-4  # keeps the logarithm in the KL divergence finite


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


class Encoder(nn.Module):
    """Map bands to a Gaussian per latent number: `(B, M, T) -> mean, scale (B, Z, T / band_hop)`."""

    def __init__(self, config: RAVEConfig):
        super().__init__()
        channels = config.bands
        layers: list[nn.Module] = []
        for i, ratio in enumerate(config.ratios):
            width = config.capacity * 2**i
            layers += [convolution(channels, width, 7, stride=ratio), nn.BatchNorm1d(width)]
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


class Decoder(nn.Module):
    """Map a latent to bands: `(B, Z, F) -> (B, M, F · band_hop)`."""

    noise_gain: Tensor

    def __init__(self, config: RAVEConfig):
        super().__init__()
        width = config.capacity * 2 ** len(config.ratios)
        layers: list[nn.Module] = [convolution(config.latent_size, width, 7)]
        for ratio in reversed(config.ratios):
            layers += [nn.LeakyReLU(SLOPE), upsampling(width, width // 2, ratio)]
            width //= 2
            layers += [ResidualUnit(width, dilation, len(config.dilations)) for dilation in config.dilations]
        self.layers = nn.Sequential(*layers, nn.LeakyReLU(SLOPE, inplace=True))
        self.waveform = convolution(width, config.bands, 7)
        self.loudness = convolution(width, 1, 2 * config.loud_stride + 1, stride=config.loud_stride)
        self.loud_stride = config.loud_stride
        with torch.no_grad():
            # M bands of full scale would be √M times as loud as any sound.
            self.waveform.weight.mul_(0.1)
        self.noise = NoiseBranch(width, config)
        self.register_buffer("noise_gain", torch.ones(()))  # 0 until training lets the noise join in

    def forward(self, latent: Tensor) -> Tensor:
        """Return bands. In evaluation mode the noise is always the same, so equal latents sound equal."""
        h = self.layers(latent)  # (B, C, T)
        loudness = torch.sigmoid(self.loudness(h)).repeat_interleave(self.loud_stride, dim=-1)  # (B, 1, T)
        bands = torch.tanh(self.waveform(h)) * loudness
        return bands + self.noise_gain * self.noise(h) if self.noise_gain else bands


class NoiseBranch(nn.Module):
    """White noise through filters that change from frame to frame: `(B, C, T) -> (B, M, T)` (after DDSP).

    A few strided convolutions draw a frequency response for each frame of `noise_hop` samples and each band. A frame of
    noise and its filter's ringing are as long as two frames, so frames are added where they overlap.
    """

    def __init__(self, width: int, config: RAVEConfig):
        super().__init__()
        layers: list[nn.Module] = []
        for ratio in config.noise_ratios:
            layers += [convolution(width, width, 2 * (ratio // 2) + 3, stride=ratio), nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers, convolution(width, config.bands * config.noise_bands, 3))
        self.bands, self.points, self.hop = config.bands, config.noise_bands, config.noise_hop

    def forward(self, h: Tensor) -> Tensor:
        """Return filtered noise."""
        response = self.layers(h).unflatten(1, (self.bands, self.points)).mT  # (B, M, F, points)
        response = response.to(torch.promote_types(response.dtype, torch.float32))  # a CPU has no FFT of half precision
        # Near -60 dB at first, so that nothing changes suddenly when the noise joins in.
        filters = _impulse_responses(2 * torch.sigmoid(response - 9))  # (B, M, F, 2 (points - 1))
        noise = self._noise(filters)  # (B, M, F, hop)
        length = 2 * self.hop
        ringing = torch.fft.irfft(torch.fft.rfft(noise, length) * torch.fft.rfft(filters, length), length)
        now, later = ringing.split(self.hop, dim=-1)  # within the frame, and in the one after it
        return (now + nn.functional.pad(later[..., :-1, :], (0, 0, 1, 0))).flatten(2).to(h)

    def _noise(self, filters: Tensor) -> Tensor:
        shape = (*filters.shape[:3], self.hop)
        if self.training:
            return 2 * torch.rand(shape, device=filters.device, dtype=filters.dtype) - 1
        fixed = torch.rand(shape[1:], generator=torch.Generator().manual_seed(0))
        return (2 * fixed - 1).to(filters).expand(shape)


def _impulse_responses(response: Tensor) -> Tensor:
    """Return linear-phase filters with these magnitudes at evenly spaced frequencies: `(…, N) -> (…, 2 (N - 1))`."""
    length = 2 * (response.shape[-1] - 1)
    centred = torch.fft.irfft(response, length).roll(length // 2, dims=-1)
    return centred * torch.hann_window(length, device=response.device, dtype=response.dtype)


class Discriminator(nn.Module):
    """Judge sounds: `(B, T) -> [[feature (B, C, T'), …, score (B, 1, T'')], …]`, a list for each scale."""

    def __init__(self, config: DiscriminatorConfig):
        super().__init__()
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
    """Return the layers of one scale: as many channels as its strides multiply them to."""
    widths = list(accumulate(config.strides, lambda n, k: min(n * k, config.max_channels), initial=config.capacity))
    layers = [nn.Conv1d(1, config.capacity, 15, padding=7)]
    for stride, (channels, width) in zip(config.strides, pairwise(widths), strict=True):
        taps = 2 * (config.taps_per_stride * stride // 2) + 1
        layers += [nn.Conv1d(channels, width, taps, stride, taps // 2, groups=channels // config.group_size)]
    last = widths[-1]
    layers += [nn.Conv1d(last, last, 5, padding=2), nn.Conv1d(last, 1, 3, padding=1)]
    return nn.ModuleList(weight_norm(layer) for layer in layers)
