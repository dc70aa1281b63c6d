"""RAVE's decoder: a latent becomes bands of sound (Caillon and Esling 2021).

latent ── upsampling and residual units ──┬── waveform  (B, M, T)   tanh ─────┐
  (B, Z, F)                  (B, C, T)    ├── loudness  (B, 1, T)   sigmoid ──×──┐
                                          └── noise     (B, M, T)   filtered ────+── bands (B, M, T)
"""

import torch
from torch import Tensor, nn

from hypersound_lib.baselines.rave.config import RAVEConfig
from hypersound_lib.baselines.rave.layers import SLOPE, ResidualUnit, convolution, upsampling


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
