"""RAVE: a variational autoencoder of sound (Caillon and Esling 2021), to compare HyperSound with.

waveform (B, T) ──filter bank──► bands (B, M, T / M) ──encoder──► latent (B, Z, F), F = ⌈T / hop⌉
latent (B, Z, F) ──decoder──► bands ──filter bank──► waveform (B, T)

Written from the paper; no line of it comes from the authors' code.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypersound_lib.baselines.rave.config import FULL, RAVEConfig
from hypersound_lib.baselines.rave.decoder import Decoder
from hypersound_lib.baselines.rave.encoder import Encoder
from hypersound_lib.baselines.rave.pqmf import PQMF
from hypersound_lib.dataclass_json import from_json
from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.pretrained import CONFIG_FILE, find_folder, read_folder, write_folder

_KIND = "RAVE"
_CARD = """\
---
library_name: hypersound_lib
tags: [audio, variational-autoencoder, RAVE]
---

# RAVE

A variational autoencoder of sound at {rate} Hz, after Caillon and Esling (2021): {latent} numbers for every {hop}
samples, {parameters} parameters.

```python
from hypersound_lib.baselines.rave import RAVE, reconstruct_rave

model = RAVE.from_pretrained("path/to/this/folder")
sound = reconstruct_rave(model, waveform, sample_rate)  # any length, any rate
```
"""


class RAVE(nn.Module):
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

    def __init__(self, config: RAVEConfig = FULL):
        super().__init__()
        self.config = config
        self.facts: dict[str, Any] = {}  # how it was made and how good it is, where it was loaded with such
        self.pqmf = PQMF(config.bands)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def posterior(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and scale of the latent: `(B, T) -> (B, Z, F)` twice; zeros fill up the last frame.

        Raises:
            ConfigError: the waveform is not `(B, T)` with T ≥ 1.
        """
        if waveform.ndim != 2 or waveform.shape[-1] == 0:
            raise ConfigError(f"RAVE hears a batch of waveforms (B, T), not {tuple(waveform.shape)}")
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

    @property
    def latent_floats_per_second(self) -> float:
        """How many numbers the latent has for a second of sound."""
        return self.config.latent_size * self.config.sample_rate / self.config.hop_length

    def num_parameters(self) -> dict[str, int]:
        """Count parameters where they sit: encoder and decoder."""
        return {
            name: sum(p.numel() for p in part.parameters())
            for name, part in (("encoder", self.encoder), ("decoder", self.decoder))
        }

    def save_pretrained(self, folder: str | os.PathLike, *, facts: Mapping[str, Any] | None = None) -> None:
        """Write weights, config and model card into a folder, which `from_pretrained` reads.

        Args:
            folder: made where it is missing; files of the same names are replaced.
            facts: how the model was made and how good it is, as JSON; None keeps `self.facts`.

        Raises:
            ConfigError: JSON cannot hold the facts.
        """
        facts = self.facts if facts is None else dict(facts)
        config = {"kind": _KIND, "config": dataclasses.asdict(self.config), "facts": facts}
        card = _CARD.format(
            rate=self.config.sample_rate,
            latent=self.config.latent_size,
            hop=self.config.hop_length,
            parameters=sum(self.num_parameters().values()),
        )
        write_folder(folder, self.state_dict(), config, card)

    @classmethod
    def from_pretrained(cls, name_or_folder: str | os.PathLike) -> "RAVE":
        """Load a model in float32 on the CPU, in evaluation mode; what was noted about it is in `facts`.

        Args:
            name_or_folder: a folder that `save_pretrained` wrote, such as `OUT/model` of a training; the name of a
                model that ships with the library; or `owner/name` on the Hugging Face hub.

        Raises:
            WeightsFileError: there is no RAVE in it, or its files are damaged or do not fit each other.
        """
        folder = find_folder(name_or_folder)
        data, tensors = read_folder(folder)
        where = os.path.join(folder, CONFIG_FILE)
        if data.get("kind") != _KIND:
            raise WeightsFileError(f"{where}: describes no RAVE; a HyperSound is loaded by its own class")
        try:
            facts = data.get("facts", {})
            if set(data) - {"kind", "config", "facts"} or not isinstance(facts, dict):
                raise ConfigError(f"its fields must be format, kind, config and facts, not {sorted(data)}")
            config = from_json(RAVEConfig, data.get("config"))
            # On the meta device nothing is allocated before the file's tensors have proved to fit the config.
            with torch.device("meta"):
                model = cls(config)
        except (ConfigError, RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise WeightsFileError(f"{where}: describes no model ({error}); save or copy it again") from error
        try:
            model.load_state_dict(tensors, assign=True)
        except RuntimeError as error:
            raise WeightsFileError(f"{folder}: config and weights do not fit ({error}); copy it again") from error
        model.facts = facts
        return model.eval()


def reparameterise(mean: Tensor, scale: Tensor) -> Tensor:
    """Draw a latent from its distribution so that gradients reach both parameters: mean + scale · N(0, 1)."""
    return mean + scale * torch.randn_like(mean)
