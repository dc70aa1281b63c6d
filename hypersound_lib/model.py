"""HyperSound: hear a clip once, and write the network that plays it (paper, eq. 1 and 2).

waveform (B, T) ──encoder──► frames (B, F, E) ──hypernetwork──► params {name: (B, *shape)}
coords   (T', 1) ──target network with params──► waveform (B, T')
"""

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hypersound_lib.coords import clip_duration, samples_in, time_coords
from hypersound_lib.encoder import SoundStreamEncoder
from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.hypernetwork import HyperNetwork
from hypersound_lib.inr import INR, build_inr
from hypersound_lib.model_card import model_card
from hypersound_lib.model_config import HyperSoundConfig, config_from_json, config_to_json
from hypersound_lib.pretrained import CONFIG_FILE, find_folder, read_folder, write_folder

__all__ = ["HyperSound", "HyperSoundConfig"]

_PAPERS = HyperSoundConfig()


class HyperSound(nn.Module):
    """A hypernetwork H and its target network T: `x̂(t) = T(t, H(x))`, `(B, T) -> (B, T)`.

    The target's own `shared` parameters, if any, are trained like all others; the rest of θ is generated for every
    clip.

    >>> from hypersound_lib.presets import PRESETS
    >>> model = HyperSound(PRESETS["tutorial"].model)
    >>> clips = torch.zeros(2, model.config.num_samples)
    >>> model(clips).shape == clips.shape
    True
    """

    def __init__(self, config: HyperSoundConfig = _PAPERS):
        super().__init__()
        self.config = config
        self.facts: dict[str, Any] = {}  # how it was made and how good it is, where it was loaded with such
        self.duration = clip_duration(config.num_samples, config.sample_rate)  # seconds, exactly
        self.encoder = SoundStreamEncoder(config.encoder)
        self.target: INR = build_inr(config.target)
        code_shape = self.encoder.output_shape(config.num_samples)
        self.hypernetwork = HyperNetwork(code_shape, self.target, config.hypernetwork, config.shared)
        self.target.release(self.hypernetwork.shapes)

    def encode(self, waveform: Tensor) -> dict[str, Tensor]:
        """Write a target network for each clip: `(B, T) -> {name: (B, *shape)}` (paper, eq. 1).

        Raises:
            ConfigError: the clips are not as long as the model's. `hypersound_lib.reconstruction` takes any sound: it
                resamples it and cuts it into clips.
        """
        if waveform.ndim != 2 or waveform.shape[-1] != self.config.num_samples:
            raise ConfigError(
                f"this model hears clips (B, {self.config.num_samples}) at {self.config.sample_rate} Hz, not "
                f"{tuple(waveform.shape)}; hypersound_lib.reconstruction resamples and cuts a sound of any length"
            )
        return self.hypernetwork(self.encoder(waveform))

    def decode(
        self,
        params: Mapping[str, Tensor],
        num_samples: int | None = None,
        sample_rate: int | None = None,
        start: int = 0,
    ) -> Tensor:
        """Play target networks: `{name: (B, *shape)} -> (B, T')` (paper, eq. 2).

        Args:
            params: what `encode` returned.
            num_samples: how many samples; None plays to the clip's end.
            sample_rate: at which rate, in Hz; None stands for the model's own.
            start: the first sample, counted at that rate: a window of a clip costs as much less as it is shorter.

        Raises:
            ConfigError: the samples do not all lie in the clip, where alone the network has learnt what to say.
        """
        rate = self.config.sample_rate if sample_rate is None else sample_rate
        if rate < 1:
            raise ConfigError(f"a sample rate is a positive number of Hz, not {rate}")
        total = samples_in(self.duration, rate)
        count = total - start if num_samples is None else num_samples
        if start < 0 or count < 1 or start + count > total:
            raise ConfigError(
                f"samples {start} to {start + count} do not lie in the clip, which has {total} at {rate} Hz"
            )
        like = next(iter(params.values()))
        dtype = torch.float64 if like.dtype == torch.float64 else None
        coords = time_coords(
            count, sample_rate=rate, duration=self.duration, start=start, dtype=dtype, device=like.device
        )
        return self.target(coords, params)

    def forward(self, waveform: Tensor, start: int = 0, num_samples: int | None = None) -> Tensor:
        """Encode clips and play them, or a window of them: `(B, T) -> (B, num_samples)`."""
        return self.decode(self.encode(waveform), num_samples, start=start)

    def num_parameters(self) -> dict[str, int]:
        """Count parameters where they sit: encoder, hidden layers, head, and those that all sounds share."""
        return {
            "encoder": _count(self.encoder),
            "hidden": _count(self.hypernetwork.hidden),
            "head": _count(self.hypernetwork.head),
            "shared": _count(self.target),
        }

    @property
    def narrowest(self) -> int:
        """How many numbers a clip is squeezed through: the width of the narrowest layer on the way to θ."""
        frames, embedding_size = self.encoder.output_shape(self.config.num_samples)
        return min(frames * embedding_size, *self.config.hypernetwork.hidden)

    def save_pretrained(
        self,
        folder: str | os.PathLike,
        *,
        dtype: torch.dtype = torch.float32,
        facts: Mapping[str, Any] | None = None,
        card: str | None = None,
    ) -> None:
        """Write weights, config and model card into a folder, which `from_pretrained` reads.

        Args:
            folder: made where it is missing; files of the same names are replaced.
            dtype: of the weights in the file; half precision halves it. They come back as float32.
            facts: how the model was made and how good it is, as JSON; None keeps `self.facts`.
            card: the README.md; None writes one.

        Raises:
            ConfigError: `dtype` cannot hold the weights, or JSON the facts.
        """
        facts = self.facts if facts is None else dict(facts)
        tensors = self.state_dict()
        for name, p in self.named_parameters():  # buffers stay as they are: half a digit would detune frequencies
            tensors[name] = p.detach().to(dtype)
            if not dtype.is_floating_point or bool(tensors[name].isinf().any()):
                raise ConfigError(f"{dtype} cannot hold the weights of {name}; save the model with torch.float32")
        card = model_card(self.config, self.num_parameters(), facts) if card is None else card
        write_folder(folder, tensors, {"config": config_to_json(self.config), "facts": facts}, card)

    @classmethod
    def from_pretrained(cls, name_or_folder: str | os.PathLike, revision: str | None = None) -> "HyperSound":
        """Load a model in float32 on the CPU, in evaluation mode; what was noted about it is in `facts`.

        Args:
            name_or_folder: a folder that `save_pretrained` wrote, a training run's folder, the name of a model that
                ships with the library, or `owner/name` on the Hugging Face hub.
            revision: branch, tag or commit on the hub.

        Raises:
            WeightsFileError: there is no such model, or its files are damaged or do not fit each other.
        """
        folder = find_folder(name_or_folder, revision)
        data, tensors = read_folder(folder)
        if "kind" in data:
            raise WeightsFileError(f"{folder}: holds a {data['kind']}, no HyperSound; that class loads it")
        remedy = "save or copy the model again"
        try:
            facts = data.get("facts", {})
            if set(data) - {"config", "facts"} or not isinstance(facts, dict):
                raise ConfigError(f"its fields must be format, config and facts, not {sorted(data)}")
            config = config_from_json(data.get("config"))
            # On the meta device nothing is allocated before the file's tensors have proved to fit the config.
            with torch.device("meta"):
                model = cls(config)
        except (ConfigError, RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise WeightsFileError(f"{folder / CONFIG_FILE}: describes no model ({error}); {remedy}") from error
        try:
            model.load_state_dict({name: value.float() for name, value in tensors.items()}, assign=True)
        except RuntimeError as error:
            raise WeightsFileError(f"{folder}: config and weights do not fit ({error}); {remedy}") from error
        model.facts = facts
        return model.eval()


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
