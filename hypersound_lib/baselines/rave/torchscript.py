"""RAVE models as their authors export them: a TorchScript file that a user supplies, behind the same call as ours."""

import os
import warnings
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from hypersound_lib.baselines.rave.rates import at_rates
from hypersound_lib.errors import ConfigError, WeightsFileError, check_sample_rate

_RATE_NAMES = ("sampling_rate", "sample_rate", "sr")
_DEFAULT_BLOCK = 2048  # samples, where a file does not state its own


class TorchScriptRAVE:
    """An exported RAVE, which plays a sound on a CPU: see `reconstruct`.

    A TorchScript file holds code, which runs when it is loaded. Open only files from whom you trust; nothing is ever
    downloaded.

    Args:
        path: the file, usually `….ts`.
        sample_rate: the model's, in Hz; None reads it from the file.

    Attributes:
        sample_rate: in Hz.
        block_size: samples per latent frame; sounds are filled up to a multiple of it.
        theta_per_second: how many numbers the latent has for a second of sound; None where the file does not say.

    Raises:
        WeightsFileError: there is no such file, it is no TorchScript, or no model of sound.
        ConfigError: the file does not state its sample rate, and none is given, or there is no such rate.
    """

    def __init__(self, path: str | os.PathLike, sample_rate: int | None = None):
        self.path = Path(path)
        if not self.path.is_file():
            raise WeightsFileError(f"{self.path}: there is no such file; pass the path of an exported RAVE")
        try:
            with warnings.catch_warnings():  # torch deprecates TorchScript, which the models that exist are in
                warnings.simplefilter("ignore", DeprecationWarning)
                self.module = torch.jit.load(str(self.path), map_location="cpu").eval()
        except (RuntimeError, ValueError, OSError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise WeightsFileError(f"{self.path}: is no TorchScript file ({reason}); export the model again") from error
        if not callable(getattr(self.module, "forward", None)) and not self._has_codec():
            raise WeightsFileError(f"{self.path}: has neither forward nor encode and decode, so it is no RAVE")
        self.sample_rate = self._sample_rate() if sample_rate is None else sample_rate
        check_sample_rate(self.sample_rate)
        latent_size, self.block_size = self._latent()
        self.theta_per_second = None if latent_size is None else latent_size * self.sample_rate / self.block_size

    @torch.no_grad()
    def reconstruct(self, waveform: Tensor, sample_rate: int, output_rate: int | None = None) -> Tensor:
        """Encode a sound of any length and rate, and play it at any rate: `(T,) -> (T',)`, as `RAVE.reconstruct`.

        An exported model draws its noise from torch's generator, so seed that for equal results.

        Raises:
            ConfigError: the waveform or a rate is impossible.
            WeightsFileError: the model cannot play a sound.
        """
        return at_rates(self._play, self.sample_rate, waveform, sample_rate, output_rate)

    def _play(self, sound: Tensor) -> Tensor:
        padded = functional.pad(sound, (0, -len(sound) % self.block_size))[None, None]  # (1, 1, N)
        try:
            played = self.module.decode(self.module.encode(padded)) if self._has_codec() else self.module(padded)
        except (RuntimeError, TypeError, NotImplementedError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise WeightsFileError(f"{self.path}: cannot play a sound of shape (1, 1, N) ({reason})") from error
        if not isinstance(played, Tensor) or played.ndim != 3 or played.shape[-1] < len(sound):
            shape = tuple(played.shape) if isinstance(played, Tensor) else type(played).__name__
            raise WeightsFileError(f"{self.path}: makes {shape} of (1, 1, {padded.shape[-1]}), which is no sound")
        return played[0].mean(dim=0)[: len(sound)]  # a stereo model's channels become one

    def _has_codec(self) -> bool:
        return all(callable(getattr(self.module, name, None)) for name in ("encode", "decode"))

    def _sample_rate(self) -> int:
        for name in _RATE_NAMES:
            value = getattr(self.module, name, None)
            if isinstance(value, Tensor) and value.numel() == 1:
                value = value.item()
            if isinstance(value, int | float) and not isinstance(value, bool):
                return int(value)
        raise ConfigError(f"{self.path}: states no sample rate ({', '.join(_RATE_NAMES)}); pass sample_rate=…")

    def _latent(self) -> tuple[int | None, int]:
        """Return size and samples of a latent frame: `encode_params` holds channels and ratio, in and out."""
        params = getattr(self.module, "encode_params", None)
        if isinstance(params, Tensor) and params.numel() == 4:
            size, block = params.flatten()[2:].tolist()
            return int(size), max(1, int(block))
        return None, _DEFAULT_BLOCK
