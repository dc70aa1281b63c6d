"""RAVE: a variational autoencoder of sound (Caillon and Esling 2021), to compare HyperSound with.

waveform (B, T) ──filter bank──► bands (B, M, T / M) ──encoder──► latent (B, Z, F), F = ⌈T / hop⌉
latent (B, Z, F) ──decoder──► bands ──filter bank──► waveform (B, T)

Written from the paper; no line of it comes from the authors' code.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.baselines.rave.config import RAVEConfig
from hypersound_lib.baselines.rave.networks import Decoder, Encoder, reparameterise
from hypersound_lib.baselines.rave.pqmf import PQMF
from hypersound_lib.data import as_sound, peak_normalize, resample, resampled_length
from hypersound_lib.errors import ConfigError
from hypersound_lib.hub.model import PretrainedModel, count
from hypersound_lib.training.validation import in_mode


class RAVE(PretrainedModel):
    """Encode sounds of any length into a sequence of latents, and decode them: `(B, T) -> (B, T)`.

    In evaluation mode the latent is its distribution's mean and the noise is always the same, so that equal sounds give
    equal results. In training mode both are drawn at random.

    >>> from hypersound_lib.baselines.rave.config import TUTORIAL
    >>> model = RAVE(TUTORIAL).eval()
    >>> latent = model.encode(torch.zeros(2, 1000))
    >>> latent.shape  # ⌈1000 / 256⌉ frames
    torch.Size([2, 32, 4])
    >>> model.decode(latent, 1000).shape
    torch.Size([2, 1000])
    """

    kind = "RAVE"
    config_class = RAVEConfig

    def __init__(self, config: RAVEConfig):
        super().__init__(config)
        self.pqmf = PQMF(config.bands)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def posterior(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and scale of the latent: `(B, T) -> (B, Z, F)` twice; zeros fill up the last frame.

        Raises:
            ConfigError: the waveform is not as `as_batch` wants it.
        """
        waveform = self.as_batch(waveform)
        zeros = -waveform.shape[-1] % self.config.hop_length
        return self.encoder(self.pqmf.analysis(functional.pad(waveform, (0, zeros))))

    def encode(self, waveform: Tensor) -> Tensor:
        """Return the latent's mean: `(B, T) -> (B, Z, F)`."""
        return self.posterior(waveform)[0]

    def decode(self, latent: Tensor, num_samples: int | None = None) -> Tensor:
        """Play latents: `(B, Z, F) -> (B, num_samples)`; None plays all F · hop samples.

        Raises:
            ConfigError: the latent has another size, or fewer samples than are asked for.
        """
        if latent.ndim != 3 or latent.shape[1] != self.config.latent_size or latent.shape[-1] == 0:
            raise ConfigError(f"this RAVE plays latents (B, {self.config.latent_size}, F), not {tuple(latent.shape)}")
        total = latent.shape[-1] * self.config.hop_length
        count = total if num_samples is None else num_samples
        if not 1 <= count <= total:
            raise ConfigError(f"{latent.shape[-1]} latent frames are {total} samples: cannot play {count}")
        return self.pqmf.synthesis(self.decoder(latent))[:, :count]

    def forward(self, waveform: Tensor, *, with_costs: bool = False) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Encode sounds and play them: `(B, T) -> (B, T)`; with costs of the code, as all models have it: none."""
        mean, scale = self.posterior(waveform)
        latent = reparameterise(mean, scale) if self.training else mean
        sound = self.decode(latent, waveform.shape[-1])
        return (sound, {}) if with_costs else sound

    @torch.no_grad()
    def reconstruct(self, waveform: Tensor, sample_rate: int, output_rate: int | None = None) -> Tensor:
        """Encode a sound and play it: `(T,) -> (T',)`, as `PretrainedModel.reconstruct` has it.

        soxr brings the sound to the model's rate; it is played at full scale, and the result has the original's scale.
        It runs in one pass, so memory grows with its length.
        """
        rate = self.config.sample_rate
        output_rate = rate if output_rate is None else output_rate
        waveform = as_sound(waveform)
        total = resampled_length(len(waveform), sample_rate, output_rate)
        heard = resample(waveform, sample_rate, rate)
        gain = heard.abs().max().item() if len(heard) else 0.0
        if gain == 0:
            return torch.zeros(total)
        # Silence around the sound keeps its end from meeting its beginning in the filter bank.
        margin = math.ceil(self.pqmf.half_length / self.config.hop_length) * self.config.hop_length
        padded = functional.pad(peak_normalize(heard), (margin, margin)).unsqueeze(0)
        with in_mode(self, training=False):
            played = self(padded.to(next(self.parameters()).device))[0, margin : margin + len(heard)].float().cpu()
        played = resample(gain * played, rate, output_rate)
        return functional.pad(played, (0, total - len(played)))

    @property
    def theta_per_second(self) -> float:
        """How many numbers describe a second of sound: the latent's, as RAVE has no θ."""
        return self.config.latent_size * self.config.sample_rate / self.config.hop_length

    @property
    def narrowest_per_second(self) -> float:
        """As `theta_per_second`: the latent is the narrowest layer."""
        return self.theta_per_second

    def num_parameters(self) -> dict[str, int]:
        """Count parameters where they sit: encoder and decoder."""
        return count(encoder=self.encoder, decoder=self.decoder)
