"""One sound as an INR: the network, and the few numbers that turn its output back into audio."""

import dataclasses
import json
import math
import os
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hypersound_lib.config_json import MOST_SAMPLES, from_json
from hypersound_lib.coords import clip_duration, samples_in, time_coords
from hypersound_lib.errors import ConfigError, WeightsFileError, check_sample_rate
from hypersound_lib.files import atomic_path, name_in_text
from hypersound_lib.hub.folders import first_not_finite
from hypersound_lib.inr import INR, INR_CONFIGS, build_inr

CHUNK = 32768  # instants evaluated at once; it bounds the memory and does not change the result
_FORMAT = "hypersound_lib.represented_sound/1"


@dataclass(frozen=True)
class FittedSound:
    """A sound x̂(t) = gain · T(t, θ) on [0, 1), and the length and rate at which it was sampled.

    >>> sound = FittedSound(build_inr(INR_CONFIGS["SIREN"]()), sample_rate=22050, num_samples=32768)
    >>> sound.render(44100).shape
    torch.Size([65536])
    """

    inr: INR
    sample_rate: int  # Hz
    num_samples: int  # at sample_rate
    gain: float = 1.0  # the original's peak: the network itself is fitted at full scale

    def __post_init__(self):
        check_sample_rate(self.sample_rate)
        count = self.num_samples
        if not isinstance(count, Integral) or isinstance(count, bool) or not 1 <= count <= MOST_SAMPLES:
            raise ConfigError(f"a sound has a whole number of samples, from 1 to {MOST_SAMPLES}, not {count!r}")
        for name in ("sample_rate", "num_samples"):  # of NumPy's, say, which JSON does not know
            object.__setattr__(self, name, int(getattr(self, name)))

    @torch.no_grad()
    def render(self, sample_rate: int | None = None) -> Tensor:
        """Evaluate the sound at any rate in Hz, or at the original's: `(T,)`, float32 on the CPU.

        T follows from duration and rate.

        Raises:
            ConfigError: there is no such rate, it gives more than 2²⁸ samples, or the network's output is not
                finite.
        """
        rate = self.sample_rate if sample_rate is None else sample_rate
        check_sample_rate(rate)
        duration = clip_duration(self.num_samples, self.sample_rate)
        device = next(self.inr.parameters()).device
        total = samples_in(duration, rate)
        if total > MOST_SAMPLES:
            raise ConfigError(f"at {rate} Hz the sound has {total} samples, more than {MOST_SAMPLES}; lower the rate")
        # One precision for all chunks: that which the last instant needs.
        dtype = time_coords(1, sample_rate=rate, duration=duration, start=total - 1).dtype
        chunks = []
        for start in range(0, total, CHUNK):
            count = min(CHUNK, total - start)
            coords = time_coords(count, sample_rate=rate, duration=duration, start=start, dtype=dtype, device=device)
            chunks.append(self.inr(coords).float().cpu())
        waveform = self.gain * torch.cat(chunks)
        if not waveform.isfinite().all():
            raise ConfigError(f"at {rate} Hz the INR's sound holds NaN or Inf; fit it again, at a lower learning rate")
        return waveform

    def save(self, path: str | os.PathLike) -> None:
        """Write weights and config as one safetensors file, which holds no code: opening it is safe.

        Raises:
            ConfigError: the network is none of `INR_CONFIGS`, so that `load` could not build it; or a weight or
                the gain is NaN or infinite.
        """
        kind = type(self.inr).__name__
        if INR_CONFIGS.get(kind) is not type(self.inr.config):
            raise ConfigError(f"a file holds one of {', '.join(INR_CONFIGS)}, not {kind}; add it to inr/build.py")
        description = {"kind": kind, "config": dataclasses.asdict(self.inr.config)}
        description |= {name: getattr(self, name) for name in ("sample_rate", "num_samples", "gain")}
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.inr.state_dict().items()}
        metadata = {"format": _FORMAT, "sound": json.dumps(description)}
        if (bad := first_not_finite(tensors)) or not math.isfinite(self.gain):
            raise ConfigError(f"{path}: {bad or 'gain'} holds NaN or Inf; nothing was saved. Fit the sound again")
        with atomic_path(path) as temporary:
            temporary.write_bytes(save(tensors, metadata))

    @classmethod
    def load(cls, path: str | os.PathLike) -> "FittedSound":
        """Read a file that `save` wrote.

        Raises:
            WeightsFileError: the file is missing, is damaged, or holds something else.
        """
        path = Path(path)
        if not path.is_file():
            raise WeightsFileError(f"{path}: there is no such file; `hypersound fit` writes one")
        try:
            with name_in_text(path) as name, safe_open(name, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        except (SafetensorError, OSError) as error:
            raise WeightsFileError(f"{path}: not a whole safetensors file ({error}); fit or copy it again") from error
        if metadata.get("format") != _FORMAT:
            raise WeightsFileError(f"{path}: holds weights of something else than a sound; `hypersound fit` writes one")
        try:
            description = json.loads(metadata["sound"])
            inr = _build(description["kind"], description["config"], tensors)
            rate, count, gain = (description[key] for key in ("sample_rate", "num_samples", "gain"))
            sound = cls(inr, rate, count, 1.0 * gain)  # a TypeError for what is no number
            bad = first_not_finite(tensors | {"gain": torch.tensor(sound.gain, dtype=torch.float64)})
        except (KeyError, TypeError, ValueError, OverflowError, RuntimeError, ConfigError) as error:
            raise WeightsFileError(f"{path}: config and weights do not fit ({error}); fit the sound again") from error
        if bad:
            raise WeightsFileError(f"{path}: {bad} holds NaN or Inf; fit the sound again")
        return sound


def _build(kind: str, fields: dict, tensors: dict[str, Tensor]) -> INR:
    if kind not in INR_CONFIGS:
        raise ConfigError(f"kind must be one of {', '.join(INR_CONFIGS)}, not {kind!r}")
    config = from_json(INR_CONFIGS[kind], fields, "config")
    # On the meta device nothing is allocated before the file's tensors have proved to fit the config.
    with torch.device("meta"):
        inr = build_inr(config)
    # Copies lie at addresses at which a processor computes as it does with weights that were never in a file.
    inr.load_state_dict({name: value.clone() for name, value in tensors.items()}, assign=True)
    return inr.eval()
