"""What every file needs of its model's weights: their identity, and a coder. Both stay as long as the weights do.

Both take as long as a second of sound. So they are kept with a copy of the weights, which is compared, each time they
are asked for, in a tenth of that.
"""

import hashlib
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hypersound_lib.coding.container import IDENTITY_BYTES
from hypersound_lib.coding.packets import PacketCoder
from hypersound_lib.errors import ConfigError
from hypersound_lib.hub.folders import first_not_finite

if TYPE_CHECKING:
    from hypersound_lib.local.model import LocalHyperSound


class FixedWeights:
    """Identity and coder of one model. A copy of it, or one that was pickled, knows neither."""

    def __init__(self) -> None:
        self._weights: dict[str, Tensor] = {}
        self._identity: bytes | None = None
        self._coder: PacketCoder | None = None

    def __reduce__(self) -> tuple:
        return FixedWeights, ()

    def identity(self, model: "LocalHyperSound") -> bytes:
        """Return the first bytes of the hash of all weights as float32; ConfigError where one is NaN or infinite."""
        self._look(model)
        if self._identity is None:
            if bad := first_not_finite(self._weights):
                raise ConfigError(f"the model's {bad} holds NaN or Inf; load its weights again, or train them anew")
            digest = hashlib.sha256()
            for name, tensor in sorted(self._weights.items()):
                tensor = tensor.float() if tensor.is_floating_point() else tensor
                digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
            self._identity = digest.digest()[:IDENTITY_BYTES]
        return self._identity

    def coder(self, model: "LocalHyperSound") -> PacketCoder:
        """Return a coder with the probabilities of the model's `entropy`."""
        self._look(model)
        if self._coder is None:
            self._coder = PacketCoder(model.entropy)
        return self._coder

    def _look(self, model: "LocalHyperSound") -> None:
        """Forget what was known of other weights."""
        weights = model.state_dict()
        if weights.keys() != self._weights.keys() or not all(map(_equal, weights.values(), self._weights.values())):
            self._weights = {name: tensor.clone() for name, tensor in weights.items()}
            self._identity = self._coder = None


def _equal(one: Tensor, other: Tensor) -> bool:
    alike = one.dtype == other.dtype and one.device == other.device
    return alike and torch.equal(one, other)
