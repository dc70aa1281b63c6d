"""Models that are saved into folders with their config and model card, and loaded from there."""

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from hypersound_lib.errors import ConfigError, WeightsFileError
from hypersound_lib.model_card import model_card
from hypersound_lib.pretrained import CONFIG_FILE, find_folder, read_folder, write_folder


class PretrainedModel(nn.Module):
    """A module with `config`, `facts` and `num_parameters`, that folders can hold.

    Subclasses name their `kind`, where it is not the plain HyperSound's, and turn their config to JSON and back.

    Raises:
        ConfigError: the config is one that could be saved and not be read again, such as one with a float for an int.
    """

    kind: ClassVar[str | None] = None  # as config.json has it; None: the file names no kind
    config: Any
    facts: dict[str, Any]  # how it was made and how good it is, where it was loaded with such

    def __init__(self, config: Any):
        super().__init__()
        # As it will be read again: what cannot be is refused here, not after days of training.
        self.config = self.config_from_json(self.config_to_json(config))
        self.facts = {}

    def num_parameters(self) -> dict[str, int]:
        """Count parameters where they sit."""
        raise NotImplementedError

    @classmethod
    def config_to_json(cls, config: Any) -> dict[str, Any]:
        """Return a config as nested dictionaries."""
        raise NotImplementedError

    @classmethod
    def config_from_json(cls, data: Any) -> Any:
        """Return the config that `config_to_json` has written; ConfigError where there is none."""
        raise NotImplementedError

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
        kind = {} if self.kind is None else {"kind": self.kind}
        write_folder(folder, tensors, {**kind, "config": self.config_to_json(self.config), "facts": facts}, card)

    @classmethod
    def from_folder(cls, folder: str | os.PathLike) -> Self:
        """Load a model of this very class in float32 on the CPU, in evaluation mode.

        Raises:
            WeightsFileError: there is no such model in it, or its files are damaged or do not fit each other.
        """
        folder = find_folder(folder)
        data, tensors = read_folder(folder)
        if data.get("kind") != cls.kind:
            kind = data.get("kind", "HyperSound")
            raise WeightsFileError(f"{folder}: holds a {kind}, no {cls.__name__}; that class loads it")
        remedy = "save or copy the model again"
        try:
            facts = data.get("facts", {})
            if set(data) - {"kind", "config", "facts"} or not isinstance(facts, dict):
                raise ConfigError(f"its fields must be format, config and facts, not {sorted(data)}")
            config = cls.config_from_json(data.get("config"))
            # On the meta device nothing is allocated before the file's tensors have proved to fit the config.
            with torch.device("meta"):
                model = cls(config)
        except (ConfigError, RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise WeightsFileError(f"{folder / CONFIG_FILE}: describes no model ({error}); {remedy}") from error
        try:
            model.load_state_dict({name: _as_loaded(value) for name, value in tensors.items()}, assign=True)
        except RuntimeError as error:
            raise WeightsFileError(f"{folder}: config and weights do not fit ({error}); {remedy}") from error
        model.facts = facts
        return model.eval()


def _as_loaded(value: Tensor) -> Tensor:
    """Return real numbers in float32, and integers, such as the frequencies of a code, as they are."""
    return value.float() if value.is_floating_point() else value
