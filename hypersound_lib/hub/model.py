"""What every model is: it writes a code for a sound, plays it, says how large that is, and is kept in a folder."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from hypersound_lib.config_json import from_json, to_json
from hypersound_lib.data.waveforms import as_real
from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.hub.card import model_card
from hypersound_lib.hub.folders import CONFIG_FILE, find_folder, read_folder, write_folder


class PretrainedModel(nn.Module, ABC):
    """A model of sound of any kind.

    Beside these methods, its `config` has a `sample_rate` in Hz and the `num_samples` of a training clip, and
    `forward(waveform, with_costs=...)` is what training calls.

    Raises:
        ConfigError: the config is one that could be saved and not be read again, such as one with a float for an int.
    """

    kind: ClassVar[str]  # as config.json has it
    config_class: ClassVar[type]  # a dataclass
    default_kbps: ClassVar[float | None] = None  # kbit/s of the file that a sound passes through; None: through none
    config: Any
    facts: dict[str, Any]  # how it was made and how good it is, where it was loaded with such

    def __init__(self, config: Any):
        super().__init__()
        # As it will be read again: what cannot be is refused here, not after days of training.
        self.config = from_json(self.config_class, to_json(config))
        self.facts = {}

    def as_batch(self, waveform: Tensor) -> Tensor:
        """Return waveforms `(B, T)` in the precision of the weights.

        Raises:
            ConfigError: they are not `(B, T)` with B, T ≥ 1, not real, or on another device than the weights.
        """
        if waveform.ndim != 2 or not waveform.shape[0] or not waveform.shape[1]:
            raise ConfigError(f"a model takes waveforms (B, T), not {tuple(waveform.shape)}")
        weight = next(self.parameters())
        if waveform.device != weight.device:
            raise ConfigError(f"the sound is on {waveform.device}, the model on {weight.device}: move one with .to()")
        return as_real(waveform).to(weight.dtype)

    @abstractmethod
    def encode(self, waveform: Tensor) -> Any:
        """Write what describes the sounds `(B, T)`, at the model's rate; T = `config.num_samples` always works."""

    @abstractmethod
    def decode(self, code: Any, num_samples: int | None = None) -> Tensor:
        """Play what `encode` wrote: `-> (B, num_samples)`, at the model's rate; None plays as far as it reaches."""

    @abstractmethod
    def reconstruct(self, waveform: Tensor, sample_rate: int, output_rate: int | None = None) -> Tensor:
        """Encode a sound of any length and rate, and play it at any rate: `(T,) -> (T',)`.

        T' = ⌊T · output_rate / sample_rate + ½⌋, float32 on the CPU; silence stays silent. Rates are in Hz; None
        stands for the model's own.

        Raises:
            ConfigError: the waveform is not `(T,)` with T ≥ 1, holds NaN or Inf, or a rate is impossible.
        """

    def reconstruct_blocks(
        self, read: Callable[[], Iterable[Tensor]], sample_rate: int, output_rate: int | None = None
    ) -> Iterator[Tensor]:
        """Yield what `reconstruct` returns, block by block: in constant memory where the model goes clip by clip.

        `read` gives the sound in blocks `(T_i,)`, the same each time that it is called.
        """
        yield self.reconstruct(torch.cat(list(read())), sample_rate, output_rate)

    def scoring_settings(self, numbers: Tensor, count: int) -> dict[str, Any]:
        """Return what else `forward` is called with for clips of these numbers out of the `count` of a validation.

        It makes a clip's score the same in whatever batch the clip comes. Most models have nothing to choose.
        """
        return {}

    def freeze_code(self) -> None:
        """Fix what coding takes from the weights, once these are trained; most models need nothing."""

    @property
    @abstractmethod
    def theta_per_second(self) -> float:
        """How many numbers describe a second of sound where it is played."""

    @property
    def narrowest_per_second(self) -> float | None:
        """How many numbers per second the narrowest layer before that has; None: it writes whole numbers, in bits."""
        return None

    @abstractmethod
    def num_parameters(self) -> dict[str, int]:
        """Count parameters where they sit."""

    def save_pretrained(
        self,
        folder: str | os.PathLike,
        *,
        dtype: torch.dtype = torch.float32,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Write weights, config and model card into a folder, which `from_pretrained` reads.

        Args:
            folder: made where it is missing; files of the same names are replaced.
            dtype: of the weights in the file; half precision halves it. They come back as float32.
            facts: how the model was made and how good it is, as JSON; None keeps `self.facts`.

        Raises:
            ConfigError: `dtype` cannot hold the weights, or JSON the facts.
        """
        facts = self.facts if facts is None else dict(facts)
        tensors = self.state_dict()
        for name, p in self.named_parameters():  # buffers stay as they are: half a digit would detune frequencies
            tensors[name] = p.detach().to(dtype)
            if not dtype.is_floating_point or bool(tensors[name].isinf().any()):
                raise ConfigError(f"{dtype} cannot hold the weights of {name}; save the model with torch.float32")
        data = {"kind": self.kind, "config": to_json(self.config), "facts": facts}
        write_folder(folder, tensors, data, model_card(self, facts))

    @classmethod
    def from_pretrained(cls, name_or_folder: str | os.PathLike, revision: str | None = None) -> Self:
        """Do what `hypersound_lib.load_model` does, for models of this very class.

        Raises:
            ConfigError: it is a model of another kind.
            WeightsFileError: there is no such model, or its files are damaged or do not fit each other.
        """
        folder = find_folder(name_or_folder, revision)
        data, tensors = read_folder(folder)
        if data["kind"] != cls.kind:
            raise ConfigError(
                f"{folder}: holds a {data['kind']}, no {cls.kind}; hypersound_lib.load_model loads models of every kind"
            )
        remedy = "save or copy the model again"
        try:
            facts = data.get("facts", {})
            if set(data) - {"kind", "config", "facts"} or not isinstance(facts, dict):
                raise ConfigError(f"its fields must be format, kind, config and facts, not {sorted(data)}")
            config: Any = from_json(cls.config_class, data.get("config"))
            # On the meta device nothing is allocated before the file's tensors have proved to fit the config.
            with torch.device("meta"):
                model = cls(config)
        except (ConfigError, RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise WeightsFileError(f"{folder / CONFIG_FILE}: describes no model ({error}); {remedy}") from error
        try:
            model.load_state_dict({name: _as_loaded(value) for name, value in tensors.items()}, assign=True)
        except RuntimeError as error:
            shown = str(error)[:2000]  # of a line for each tensor
            raise WeightsFileError(f"{folder}: config and weights do not fit ({shown}); {remedy}") from error
        model.facts = facts
        return model.eval()


def count(**parts: nn.Module) -> dict[str, int]:
    """Count the parameters of parts of a model."""
    return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}


def _as_loaded(value: Tensor) -> Tensor:
    """Return real numbers in float32, and integers, such as the frequencies of a code, as they are.

    Both as copies, since a file's tensors lie where they lie: from an address that is no multiple of 64 bytes an AMD
    EPYC computed other last digits.
    """
    return value.to(torch.float32 if value.is_floating_point() else value.dtype, copy=True)
