"""Local HyperSound: a sound of any length becomes a row of small functions, each of which plays one moment.

waveform (B, T) ──local hypernetwork──► params {name: (B, K, *shape)} ──local target──► waveform (B, T')
"""

import os
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from torch import Tensor

from hypersound_lib.addressed_hypernetwork import AddressedHyperNetwork
from hypersound_lib.coords import clip_duration
from hypersound_lib.errors import ConfigError
from hypersound_lib.frame_network import FrameNetwork
from hypersound_lib.inr import LocalTarget, build_local_target
from hypersound_lib.inr.local import LocalConfig
from hypersound_lib.inr.local_spectrum import LappedSpectrum
from hypersound_lib.local_config import LocalHyperSoundConfig, config_from_json, config_to_json
from hypersound_lib.local_hypernetwork import LocalHyperNetwork
from hypersound_lib.pretrained import find_folder
from hypersound_lib.pretrained_model import PretrainedModel


class LocalHyperSound(PretrainedModel):
    """A local hypernetwork and its local target: `(B, T) -> (B, T)` for any T.

    >>> import torch
    >>> from hypersound_lib.inr.local import LocalConfig
    >>> model = LocalHyperSound(LocalHyperSoundConfig(target=LocalConfig(hop=16)))
    >>> model(torch.zeros(2, 100)).shape
    torch.Size([2, 100])
    """

    kind = "LocalHyperSound"

    def __init__(self, config: LocalHyperSoundConfig):
        super().__init__()
        self.config = config
        self.facts: dict[str, Any] = {}
        self.duration = clip_duration(config.num_samples, config.sample_rate)  # of a training clip, in seconds
        self.target: LocalTarget = build_local_target(config.target)
        self.hypernetwork = _hypernetwork(config, self.target)

    def encode(self, waveform: Tensor) -> dict[str, Tensor]:
        """Write a small function for each frame: `(B, T) -> {name: (B, K, *shape)}`, K = ⌊(T - 1) / hop⌋ + 2.

        Raises:
            ConfigError: the waveform is not `(B, T)` with T ≥ 1.
        """
        return self.hypernetwork(waveform)

    def decode(
        self,
        params: Mapping[str, Tensor],
        num_samples: int | None = None,
        sample_rate: int | None = None,
        start: int = 0,
        first_frame: int = 0,
    ) -> Tensor:
        """Play frames: `{name: (B, K, *shape)} -> (B, T')`.

        Args:
            params: what `encode` returned, or consecutive frames of it.
            num_samples: how many samples; None plays as far as the frames reach, up to a hop beyond the sound's end.
            sample_rate: at which rate, in Hz; None stands for the model's own. Below it, what the rate cannot hold
                is left out, not folded back, where the target `plays_lower_rates`. Above it, waves whose skirts would
                show above the trained Nyquist frequency are left out.
            start: the first sample, counted at that rate.
            first_frame: the number of the first frame in `params`, where others before it were left out.

        Raises:
            ConfigError: the samples do not all lie where the frames sound, or the target plays no rate so low.
        """
        rate = self.config.sample_rate if sample_rate is None else sample_rate
        if rate < 1:
            raise ConfigError(f"a sample rate is a positive number of Hz, not {rate}")
        return self.target(params, num_samples, self.samples_per_hop(rate), start, first_frame)

    def forward(self, waveform: Tensor, start: int = 0, num_samples: int | None = None) -> Tensor:
        """Encode sounds and play them, or a window of them: `(B, T) -> (B, num_samples)`."""
        count = waveform.shape[-1] - start if num_samples is None else num_samples
        return self.decode(self.encode(waveform), count, start=start)

    def samples_per_hop(self, sample_rate: int) -> Fraction:
        """Return how many samples of a rate in Hz a hop lasts."""
        return Fraction(self.config.target.hop * sample_rate, self.config.sample_rate)

    @property
    def frames_per_second(self) -> float:
        """How many frames describe a second."""
        return self.config.sample_rate / self.config.target.hop

    @property
    def theta_per_second(self) -> float:
        """How many generated numbers describe a second of sound."""
        return self.target.num_params * self.frames_per_second

    @property
    def narrowest(self) -> int:
        """How many numbers a training clip is squeezed through, in the narrowest layer on the way to θ."""
        return min(self.config.hypernetwork.bottleneck, self.target.num_params) * self.hypernetwork.frames_in(
            self.config.num_samples
        )

    @property
    def narrowest_per_second(self) -> float:
        """How many numbers a second of sound is squeezed through."""
        return min(self.config.hypernetwork.bottleneck, self.target.num_params) * self.frames_per_second

    def num_parameters(self) -> dict[str, int]:
        """Count parameters where they sit: encoder (up to the bottleneck), hidden layers, head, and the basis."""
        parts = self.hypernetwork.parts() | {"shared": [self.target]}
        return {name: sum(p.numel() for module in part for p in module.parameters()) for name, part in parts.items()}

    @classmethod
    def config_to_json(cls, config: LocalHyperSoundConfig) -> dict[str, Any]:
        """Return a config as nested dictionaries."""
        return config_to_json(config)

    @classmethod
    def config_from_json(cls, data: Any) -> LocalHyperSoundConfig:
        """Return the config that `config_to_json` has written; ConfigError where there is none."""
        return config_from_json(data)

    @classmethod
    def from_pretrained(cls, name_or_folder: str | os.PathLike, revision: str | None = None) -> "LocalHyperSound":
        """Load a model, as `HyperSound.from_pretrained` does."""
        return cls.from_folder(find_folder(name_or_folder, revision))


def _hypernetwork(config: LocalHyperSoundConfig, target: LocalTarget) -> FrameNetwork:
    """Build the hypernetwork that suits a target."""
    sizes = config.target
    spectrum = LappedSpectrum(sizes.hop, sizes.bands, sizes.pulses if isinstance(sizes, LocalConfig) else ())
    if isinstance(sizes, LocalConfig) and sizes.loudest:
        return AddressedHyperNetwork(spectrum, target, config.hypernetwork)
    return LocalHyperNetwork(
        spectrum, target.shapes, target.start(), target.scales(), target.copy(spectrum), config.hypernetwork
    )
